//! Ports that are taken, and servers that do not come up.

use super::{Part, Proof, Server};
use crate::error::Error;
use crate::process::program::Program;
use crate::sandbox::Sandbox;
use std::sync::{Arc, Mutex};

/// A server whose first ports are taken by others.
#[derive(Debug, Default)]
struct Unlucky {
    taken: usize,
    ports: Mutex<Vec<u16>>,
}

impl Server for Unlucky {
    fn name(&self) -> &'static str {
        "unlucky"
    }

    fn program(&self, port: u16) -> Result<Program, Error> {
        self.ports.lock().unwrap().push(port);
        Ok(Program::new(self.name(), "/bin/sleep").arg("600"))
    }

    fn prove(&self, port: u16, _pid: u32) -> Proof {
        let position = self
            .ports
            .lock()
            .unwrap()
            .iter()
            .position(|tried| *tried == port);
        if position < Some(self.taken) {
            Proof::Foreign("who else".to_owned())
        } else {
            Proof::Given
        }
    }
}

#[test]
fn a_server_behind_another_s_port_is_started_on_a_port_of_its_own() {
    let sandbox = Arc::new(Sandbox::new().unwrap());
    let part = Part::launch(
        Unlucky {
            taken: 1,
            ..Unlucky::default()
        },
        &sandbox,
    )
    .unwrap();
    let ports = part.server.ports.lock().unwrap().clone();
    assert_eq!(ports.len(), 2);
    assert_eq!(part.port(), ports[1]);
}

#[test]
fn attempts_are_bounded() {
    let sandbox = Arc::new(Sandbox::new().unwrap());
    let error = Part::launch(
        Unlucky {
            taken: usize::MAX,
            ..Unlucky::default()
        },
        &sandbox,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
}

#[test]
fn a_server_that_ends_shows_its_last_words() {
    #[derive(Debug)]
    struct Broken;
    impl Server for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn program(&self, _port: u16) -> Result<Program, Error> {
            Ok(Program::new(self.name(), "/bin/sh").args(["-c", "echo out of luck; exit 1"]))
        }
        fn prove(&self, _port: u16, _pid: u32) -> Proof {
            Proof::NotYet("silence".to_owned())
        }
    }
    let error = Part::launch(Broken, &Arc::new(Sandbox::new().unwrap())).unwrap_err();
    assert!(
        matches!(&error, Error::Ended { log, .. } if log.contains("out of luck")),
        "{error}"
    );
}
