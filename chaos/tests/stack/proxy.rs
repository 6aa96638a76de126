//! A network that fails.

use crate::{LIMIT, READ_TIMEOUT};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use tars_chaos::{Proxy, eventually};

/// A server that sends back what it receives, and a proxy in front of it.
fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::before(&listener.local_addr().unwrap().to_string()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    proxy
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn echoes(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 4];
    stream.write_all(b"ping").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"ping"
}

fn silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    let silence =
        matches!(stream.read(&mut [0; 4]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    silence
}

#[test]
fn a_cut_ends_all_connections_and_refuses_new_ones() {
    let proxy = echo();
    let mut old = connect(&proxy);
    assert!(echoes(&mut old));
    proxy.cut();
    assert!(!echoes(&mut old));
    assert!(!echoes(&mut connect(&proxy)));
    proxy.heal();
    assert!(!echoes(&mut old), "what was cut stays cut");
    assert!(echoes(&mut connect(&proxy)));
}

#[test]
fn stranded_connections_pass_nothing_while_new_ones_work() {
    let proxy = echo();
    let mut old = connect(&proxy);
    assert!(echoes(&mut old));
    proxy.strand();
    old.write_all(b"lost").unwrap();
    assert!(silent(&mut old), "nobody tells the old connection");
    assert!(echoes(&mut connect(&proxy)));
}

#[test]
fn a_stall_keeps_connections_and_passes_nothing_until_it_heals() {
    let proxy = echo();
    let mut old = connect(&proxy);
    assert!(echoes(&mut old));
    proxy.stall();
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        stream.write_all(b"held").unwrap();
        assert!(silent(stream));
    }
    proxy.heal();
    for stream in [&mut old, &mut new] {
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"held");
    }
}

#[test]
fn a_stalled_connection_can_be_cut() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    proxy.stall();
    stream.write_all(b"held").unwrap();
    assert!(silent(&mut stream));
    proxy.cut();
    assert!(!echoes(&mut stream));
    assert!(eventually(LIMIT, || proxy.connections() == 0));
}

#[test]
fn one_way_may_end_before_the_other() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    stream.write_all(b"last words").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "last words");
    assert!(eventually(LIMIT, || proxy.connections() == 0));
}

#[test]
fn a_url_leads_through_the_proxy() {
    let proxy = echo();
    let address = proxy.address();
    assert_eq!(
        proxy.url("amqp://u:p@127.0.0.1:5672/%2f"),
        format!("amqp://u:p@{address}/%2f")
    );
    assert_eq!(
        proxy.url("http://127.0.0.1:8099"),
        format!("http://{address}")
    );
    assert_eq!(
        proxy.url("postgres://u:p@h/d?sslmode=disable"),
        format!("postgres://u:p@{address}/d?sslmode=disable")
    );
}
