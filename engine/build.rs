//! Generates the control messages from `proto/control.proto`, without a system `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/control.proto");
    let descriptors = protox::compile(["proto/control.proto"], ["proto"])?;
    prost_build::Config::new()
        // What a gateway sends to many: shared, not copied.
        .bytes([
            ".smrtc.control.v1.MlsCommitted.commit",
            ".smrtc.control.v1.MlsWelcome.ratchet_tree",
            ".smrtc.control.v1.MlsGroup.group_info",
            ".smrtc.control.v1.MlsGroup.ratchet_tree",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
