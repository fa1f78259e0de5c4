//! What `smrtc-loadgen impair` takes on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use super::link::LinkConfig;

/// Options of `impair`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address that clients send to. Port 0 takes any that is free; standard error says which.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,

    /// Address that packets are relayed to.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) to: SocketAddr,

    #[command(flatten)]
    pub(crate) path: Path,

    /// Spare STUN and DTLS (RFC 7983, §7) from loss, so that a peer connection comes about and
    /// stays.
    #[arg(long)]
    pub(crate) spare_setup: bool,

    /// Seed of all that is random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What the path does to packets.
#[derive(Args, Clone, Debug)]
pub(crate) struct Path {
    /// One-way delay, such as 5ms.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    delay: Duration,

    /// Added to the delay of each packet, uniformly from 0 to this.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    jitter: Duration,

    /// Let jitter turn packets round; else a packet waits for the one before.
    #[arg(long)]
    reorder: bool,

    /// Share of packets lost, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    loss: f64,

    /// Mean number of packets lost in a row (Gilbert–Elliott); 1 loses each packet by itself.
    #[arg(long, default_value_t = 1.0, value_parser = parse_burst, value_name = "PACKETS")]
    burst: f64,

    /// Bottleneck, such as 800kbit or 2.5mbit [default: none].
    #[arg(long, value_parser = parse_rate)]
    rate: Option<u64>,

    /// Longest wait before the bottleneck; what would wait longer is dropped.
    #[arg(long, default_value = "200ms", value_parser = humantime::parse_duration)]
    queue: Duration,

    /// Direction that suffers loss, jitter and the bottleneck; the other has the delay only.
    #[arg(long, value_enum, default_value_t = Direction::Both)]
    direction: Direction,
}

/// A line on standard input: the options of [`Path`], as on the command line.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    path: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// Both ways.
    Both,
    /// From clients to the target.
    Up,
    /// From the target to clients.
    Down,
}

impl Path {
    /// Reads a line with the options of a path; what it does not name has its default.
    pub(crate) fn parse(line: &str) -> Result<Self, clap::Error> {
        Line::try_parse_from(line.split_whitespace()).map(|line| line.path)
    }

    /// The link from clients to the target.
    pub(crate) fn up(&self) -> LinkConfig {
        self.link(self.direction != Direction::Down)
    }

    /// The link from the target to clients.
    pub(crate) fn down(&self) -> LinkConfig {
        self.link(self.direction != Direction::Up)
    }

    fn link(&self, impaired: bool) -> LinkConfig {
        if !impaired {
            return LinkConfig {
                delay: self.delay,
                ..LinkConfig::default()
            };
        }
        LinkConfig {
            delay: self.delay,
            jitter: self.jitter,
            reorder: self.reorder,
            loss: self.loss,
            mean_burst: self.burst,
            rate_bps: self.rate,
            max_queue: self.queue,
        }
    }
}

/// Why an option was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum OptionError {
    #[error("a share lies between 0 and 1")]
    Share,
    #[error("a burst has at least 1 packet")]
    Burst,
    #[error("a rate is a number and one of bit, kbit, mbit, gbit, such as 800kbit")]
    Rate,
}

fn parse_share(text: &str) -> Result<f64, OptionError> {
    let share: f64 = text.parse().map_err(|_| OptionError::Share)?;
    (0.0..=1.0)
        .contains(&share)
        .then_some(share)
        .ok_or(OptionError::Share)
}

fn parse_burst(text: &str) -> Result<f64, OptionError> {
    let burst: f64 = text.parse().map_err(|_| OptionError::Burst)?;
    (burst >= 1.0 && burst.is_finite())
        .then_some(burst)
        .ok_or(OptionError::Burst)
}

/// Bits per second of a rate with its unit.
fn parse_rate(text: &str) -> Result<u64, OptionError> {
    const UNITS: [(&str, f64); 4] = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)];
    let (number, unit_bps) = UNITS
        .iter()
        .find_map(|&(unit, bps)| Some((text.strip_suffix(unit)?, bps)))
        .ok_or(OptionError::Rate)?;
    let number: f64 = number.trim().parse().map_err(|_| OptionError::Rate)?;
    let bps = number * unit_bps;
    (1.0..=1e12)
        .contains(&bps)
        .then_some(bps as u64)
        .ok_or(OptionError::Rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_need_a_number_and_a_unit() {
        assert_eq!(parse_rate("800kbit"), Ok(800_000));
        assert_eq!(parse_rate("2.5mbit"), Ok(2_500_000));
        assert_eq!(parse_rate("9600bit"), Ok(9_600));
        for bad in [
            "",
            "800",
            "kbit",
            "-1mbit",
            "0bit",
            "1e9gbit",
            "nanbit",
            "1 furlong",
        ] {
            assert_eq!(parse_rate(bad), Err(OptionError::Rate), "{bad}");
        }
    }

    #[test]
    fn a_line_names_what_differs_from_the_defaults() {
        let path = Path::parse("--loss 0.3 --rate 300kbit --direction down").unwrap();
        assert_eq!((path.down().loss, path.up().loss), (0.3, 0.0));
        assert_eq!(path.down().rate_bps, Some(300_000));
        assert_eq!(Path::parse("").unwrap().down().rate_bps, None);
        for bad in ["--loss 30", "loss", "--seed 3", "--listen 127.0.0.1:1"] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_and_bursts_have_their_ranges() {
        assert_eq!(parse_share("0.3"), Ok(0.3));
        assert_eq!(parse_share("30"), Err(OptionError::Share));
        assert_eq!(parse_share("nan"), Err(OptionError::Share));
        assert_eq!(parse_burst("0.5"), Err(OptionError::Burst));
        assert_eq!(parse_burst("inf"), Err(OptionError::Burst));
    }
}
