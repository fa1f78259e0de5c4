//! `smrtc-proto-generate PROTO_FOLDER OUT_FOLDER`: writes the Rust types of `control.proto`, without
//! a system `protoc`. `engine/proto/generate.sh` calls it.

mod plain_objects;

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [proto, out] = &folders[..] else {
        return Err("usage: smrtc-proto-generate PROTO_FOLDER OUT_FOLDER".into());
    };
    let descriptors = protox::compile([proto.join("control.proto")], [proto])?;
    let mut config = prost_build::Config::new();
    plain_objects::plain_objects(&mut config);
    config
        // What a gateway sends to many: shared, not copied.
        .bytes([
            ".smrtc.control.v1.MlsCommitted.commit",
            ".smrtc.control.v1.MlsWelcome.ratchet_tree",
            ".smrtc.control.v1.MlsGroup.group_info",
            ".smrtc.control.v1.MlsGroup.ratchet_tree",
        ])
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}
