//! As much of an HTTP/1.1 client as it takes to ask a gateway: one request, the whole answer.
//!
//! Not here: TLS, redirects, chunked answers. The gateway sends none of those on its plain port.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// GETs a path of `authority`, host and port.
pub(crate) async fn get(authority: &str, path: &str) -> anyhow::Result<String> {
    exchange(authority, format!("GET {path}"), "").await
}

/// POSTs JSON.
pub(crate) async fn post(authority: &str, path: &str, json: &str) -> anyhow::Result<String> {
    exchange(authority, format!("POST {path}"), json).await
}

async fn exchange(authority: &str, what: String, body: &str) -> anyhow::Result<String> {
    let request = format!(
        "{what} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange)
        .await
        .context("no answer within five seconds")??;
    body_of(&String::from_utf8_lossy(&answer)).with_context(|| what)
}

/// The body of an answer with status 200.
fn body_of(answer: &str) -> anyhow::Result<String> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer is not HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some(status) => bail!("status {status}"),
        None => bail!("the answer is not HTTP"),
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
/// The metrics of a gateway are some 10 kB.
const MAX_ANSWER: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_status_200_has_a_body() {
        assert_eq!(body_of("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}").unwrap(), "{}");
        let refused = body_of("HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err();
        assert_eq!(refused.to_string(), "status 404");
        assert!(body_of("SSH-2.0-x").is_err());
    }
}
