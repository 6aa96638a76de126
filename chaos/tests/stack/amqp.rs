//! As much of AMQP 0-9-1 as it takes to log in and to see whether a queue is there. Numbers are
//! those of the specification.

use std::io::{self, Read, Write};
use std::net::TcpStream;

pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Logs in to the virtual host of this URL.
    pub(crate) fn open(url: &str) -> io::Result<Self> {
        let (user, rest) = url
            .strip_prefix("amqp://")
            .unwrap()
            .split_once('@')
            .unwrap();
        let (address, vhost) = rest.split_once('/').unwrap();
        let mut client = Self {
            stream: TcpStream::connect(address)?,
        };
        client.stream.set_read_timeout(Some(crate::LIMIT))?;
        client.stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        client.expect(10, 10)?;
        let login = long(format!("\0{}", user.replace(':', "\0")).as_bytes());
        let start_ok = [&[0; 4], short("PLAIN").as_slice(), &login, &short("en_US")].concat();
        client.send(0, 10, 11, &start_ok)?;
        let tune = client.expect(10, 30)?;
        client.send(0, 10, 31, &tune)?;
        client.send(
            0,
            10,
            40,
            &[short(&vhost.replace("%2f", "/")).as_slice(), &[0, 0]].concat(),
        )?;
        client.expect(10, 41)?;
        client.send(1, 20, 10, &[0])?;
        client.expect(20, 11)?;
        Ok(client)
    }

    /// Makes a durable quorum queue.
    pub(crate) fn declare(&mut self, queue: &str) -> io::Result<()> {
        let kind = [short("x-queue-type").as_slice(), b"S", &long(b"quorum")].concat();
        self.queue(queue, 0b00010, &long(&kind))
    }

    /// Whether there is such a queue. The broker closes the channel if not, so this is the last
    /// question.
    pub(crate) fn has(mut self, queue: &str) -> bool {
        self.queue(queue, 0b00001, &[0; 4]).is_ok()
    }

    fn queue(&mut self, name: &str, flags: u8, arguments: &[u8]) -> io::Result<()> {
        self.send(
            1,
            50,
            10,
            &[&[0, 0], short(name).as_slice(), &[flags], arguments].concat(),
        )?;
        self.expect(50, 11).map(drop)
    }

    fn send(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) -> io::Result<()> {
        let payload = [&class.to_be_bytes(), &method.to_be_bytes(), arguments].concat();
        let size = u32::try_from(payload.len()).unwrap();
        let frame = [
            &[1],
            channel.to_be_bytes().as_slice(),
            &size.to_be_bytes(),
            &payload,
            &[0xCE],
        ]
        .concat();
        self.stream.write_all(&frame)
    }

    fn expect(&mut self, class: u16, method: u16) -> io::Result<Vec<u8>> {
        let mut header = [0; 7];
        self.stream.read_exact(&mut header)?;
        let size = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
        let mut payload = vec![0; size as usize + 1];
        self.stream.read_exact(&mut payload)?;
        payload.pop();
        if payload.starts_with(&[class.to_be_bytes(), method.to_be_bytes()].concat()) {
            return Ok(payload.split_off(4));
        }
        Err(io::Error::other(
            String::from_utf8_lossy(&payload).into_owned(),
        ))
    }
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}
