//! The media gateway: authenticates, forwards, repairs; holds no key.

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use smrtc_gateway::{
    Gateway, ca,
    config::{CaInitOptions, ServeOptions, TokenOptions},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

/// Media gateway of smrtc: rooms, selective forwarding and repair of media that it cannot read.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    ///
    /// SIGTERM drains: no new participants are let in, and calls go on until they end or
    /// --drain-timeout is over. A second SIGTERM, or SIGINT at any time, ends them at once; either
    /// way everybody is told. SIGHUP reads the certificate's files again.
    ///
    /// Each option can be set by the command line, by the environment variable shown, or in the
    /// TOML file of --config, in this order of precedence. RUST_LOG sets what is logged (default
    /// "info").
    #[command(long_about)]
    Serve(Box<ServeOptions>),
    /// Print a join token.
    Token(TokenOptions),
    /// A certification authority for development and small installations.
    Ca {
        #[command(subcommand)]
        command: CaCommand,
    },
}

#[derive(Subcommand)]
enum CaCommand {
    /// Make an SM2 key and a certificate that it signs itself, for --ca-certificate and --ca-key of
    /// "serve".
    ///
    /// Rooms that ask for certificates take ca.pem as their trust anchor. Whoever has ca-key.pem
    /// can be anybody in them.
    Init(CaInitOptions),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(options) => serve(*options),
        Command::Token(options) => token(&options),
        Command::Ca {
            command: CaCommand::Init(options),
        } => ca_init(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The sentence alone is enough: our errors name the option and the cause.
            eprintln!("smrtc-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the gateway on one thread: its rooms share a core, since wake-ups across threads would cost
/// a third of it.
fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let settings = options.with_file()?.into_settings()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        let mut hang_up = signal(SignalKind::hangup()).context("SIGHUP")?;
        let gateway = Gateway::start(settings).await?;
        let drains = loop {
            tokio::select! {
                _ = terminate.recv() => break true,
                _ = interrupt.recv() => break false,
                _ = hang_up.recv() => if gateway.reload_certificate() {
                    info!("SIGHUP: reading the certificate's files again");
                } else {
                    info!("SIGHUP: there is nothing to read again");
                },
            }
        };
        if drains {
            tokio::select! {
                () = gateway.drain() => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        gateway.shutdown().await;
        Ok(())
    })
}

fn token(options: &TokenOptions) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let token = options
        .signing
        .signer()?
        .sign(&options.room, &options.user, options.role, now, options.ttl)
        .context("room and user must be 1 to 128 bytes without control characters")?;
    println!("{token}");
    Ok(())
}

fn ca_init(options: &CaInitOptions) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let [certificate, key] = ca::init(&options.dir, &options.name, now, options.lifetime)?;
    println!("{}\n{}", certificate.display(), key.display());
    Ok(())
}
