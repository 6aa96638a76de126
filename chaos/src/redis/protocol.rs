//! As much of Redis' protocol (RESP2) as a proof of identity needs.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A frozen server must not hang whoever asks it.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects and authenticates. A refused password is `PermissionDenied`.
    pub(super) fn open(port: u16, password: &str) -> io::Result<Self> {
        let stream =
            TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut connection = Self {
            stream: BufReader::new(stream),
        };
        match connection.ask(&["AUTH", password]) {
            Ok(_) => Ok(connection),
            Err(error) if error.kind() == ErrorKind::Other => {
                Err(io::Error::new(ErrorKind::PermissionDenied, error))
            }
            Err(error) => Err(error),
        }
    }

    /// An error that Redis answers is of the kind `Other`.
    pub(super) fn ask(&mut self, words: &[&str]) -> io::Result<String> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.trim_end();
        if let Some(error) = line.strip_prefix('-') {
            return Err(io::Error::other(error.to_owned()));
        }
        match line.strip_prefix('$').map(str::parse::<usize>) {
            Some(Ok(length)) => {
                let mut bytes = vec![0; length + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                String::from_utf8(bytes).map_err(io::Error::other)
            }
            // $-1 is Redis' word for "there is none".
            Some(Err(_)) => Ok(String::new()),
            None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            None => Ok(line.trim_start_matches(['+', ':']).to_owned()),
        }
    }
}
