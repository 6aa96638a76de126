//! The API's options. Each is an environment variable too.

use std::net::IpAddr;

/// The API's options.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address to listen on; loopback only, until there are accounts
    #[arg(long, env = "EVAL_HOST", default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one
    #[arg(long, env = "EVAL_PORT", default_value_t = 8099, value_name = "PORT")]
    pub port: u16,
}
