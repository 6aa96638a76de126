//! What a person can do about an error of the client.

use tars_client::Error;

use super::server::start_command;

/// The error with what to do about it, if there is something.
pub(super) fn add(error: anyhow::Error) -> anyhow::Error {
    let hint = match error.downcast_ref() {
        Some(Error::Unreachable { server, .. }) => match start_command(server) {
            Some(command) => {
                format!("start one with `{command}`, or name another with --server")
            }
            None => "check the address in --server or TARS_SERVER".to_owned(),
        },
        Some(Error::NoToken { .. }) => {
            "set TARS_TOKEN, or name a file with --token-file; beside the service's database, \
             `tars token create NAME --role developer` makes one"
                .to_owned()
        }
        _ => return error,
    };
    anyhow::anyhow!("{error:#}: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_service_comes_with_the_command_that_starts_it() {
        let error = Error::Unreachable {
            server: "http://127.0.0.1:8100".parse().unwrap(),
            reason: "refused".to_owned(),
        };
        let shown = add(error.into()).to_string();
        assert!(shown.contains("`tars dev --port 8100`"), "{shown}");
        let other = add(anyhow::anyhow!("something else"));
        assert_eq!(other.to_string(), "something else");
    }
}
