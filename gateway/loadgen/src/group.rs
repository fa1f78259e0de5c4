//! What group keys cost, natively and in Wasm: the options of the command and its report.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use smrtc_e2ee::mls::Suite;
use smrtc_group_cost::{Costs, costs};

/// The options of `group`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Sizes of the room, ascending, as a list with commas or repeated.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [2, 10, 100, 1000])]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=20_000))]
    members: Vec<u32>,

    /// Cipher suite of MLS.
    #[arg(long, value_enum, default_value = "sm2")]
    suite: SuiteName,

    /// How often each thing is done; the median counts.
    #[arg(long, value_name = "TIMES", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,

    /// The same in Wasm as well: the folder that gateway/loadgen/group/build.sh has filled. Needs
    /// `node`.
    #[arg(long, value_name = "FOLDER")]
    wasm: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SuiteName {
    /// 0xF001: DHKEM over the SM2 curve, SM4-GCM, SM3.
    Sm2,
    /// 0xF002: the same with SM2 encryption as KEM.
    Sm2Pke,
    /// 0x0002: P-256, AES-128-GCM, SHA-256.
    P256,
}

impl From<SuiteName> for Suite {
    fn from(name: SuiteName) -> Self {
        match name {
            SuiteName::Sm2 => Self::Sm2Sm4GcmSm3,
            SuiteName::Sm2Pke => Self::Sm2PkeSm4GcmSm3,
            SuiteName::P256 => Self::P256Aes128GcmSha256,
        }
    }
}

#[derive(Serialize)]
struct Report {
    suite: String,
    repeat: u32,
    #[serde(flatten)]
    native: Costs,
    #[serde(skip_serializing_if = "Option::is_none")]
    wasm: Option<serde_json::Value>,
}

/// Prints the costs as one JSON object; progress goes to standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let suite = Suite::from(options.suite);
    let native = costs(suite, &options.members, options.repeat, |size| {
        eprintln!("group: growing to {size} members");
    })?;
    let report = Report {
        suite: format!("{:#06x}", suite.id()),
        repeat: options.repeat,
        native,
        wasm: options
            .wasm
            .as_ref()
            .map(|folder| in_wasm(options, folder, suite))
            .transpose()?,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn in_wasm(
    options: &Options,
    folder: &std::path::Path,
    suite: Suite,
) -> anyhow::Result<serde_json::Value> {
    eprintln!("group: the same in Wasm");
    let sizes: Vec<String> = options.members.iter().map(u32::to_string).collect();
    let output = Command::new("node")
        .arg(folder.join("run.mjs"))
        .args([
            suite.id().to_string(),
            sizes.join(","),
            options.repeat.to_string(),
        ])
        .stderr(Stdio::inherit())
        .output()
        .context("node cannot be run")?;
    if !output.status.success() {
        bail!(
            "in Wasm it failed; is {} what gateway/loadgen/group/build.sh made?",
            folder.display()
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
