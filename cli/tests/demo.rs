//! `tars demo` from the outside.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A demo that is over when the test is, also when it fails.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
    command
        .arg("demo")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

#[test]
fn it_shows_every_verdict_and_everything_comes_out_as_expected() {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = demo()
        .arg("--once")
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    let story = String::from_utf8(output.stdout).unwrap();
    let progress = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{story}{progress}");
    for verdict in [
        "✔ pass",
        "✘ regression, critical",
        "? inconclusive",
        "✘ failed",
    ] {
        assert!(story.contains(verdict), "{verdict} is not in {story}");
    }
    assert!(
        story.contains("takes observations of 6 values, CartPole-v1 gives 4"),
        "{story}"
    );
    assert!(
        progress.contains("1000 of 1000 episodes, completed"),
        "{progress}"
    );
    assert!(
        !story.contains('\u{1b}'),
        "there are no colours outside of a terminal"
    );
    let left_behind = elsewhere.path().read_dir().unwrap().count();
    assert_eq!(
        left_behind, 0,
        "it needs no folder and leaves nothing in it"
    );
}

#[test]
fn its_service_stays_until_it_is_interrupted() {
    let mut demo = Demo(
        demo()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address =
        lines.find_map(|line| Some(line.split_once("export TARS_SERVER=http://")?.1.to_owned()));
    let address = address.expect("it says where to look around");
    TcpStream::connect(&address).expect("the service listens");
    let token = lines.find_map(|line| Some(line.split_once("export TARS_TOKEN=")?.1.to_owned()));
    let url = format!("http://{address}");
    let jobs = |token: &str| {
        let mut tars = Command::new(env!("CARGO_BIN_EXE_tars"));
        tars.args(["jobs", "list", "--server", &url])
            .env("TARS_TOKEN", token)
            .output()
            .unwrap()
    };
    let listed = jobs(&token.expect("it says which token to use"));
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("completed"),
        "{listed:?}"
    );
    let refused = jobs("");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("tars token create"),
        "{refused:?}"
    );
    let pid = demo.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(demo.0.wait().unwrap().success());
    TcpStream::connect(&address).expect_err("the service has ended");
}
