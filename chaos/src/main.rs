//! `tars-stack`: the whole service on a private stack, for a person to try and to break.

mod service_process;

use anyhow::Context;
use clap::Parser;
use service_process::ServiceProcess;
use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tars_chaos::{Fleet, Parts, Process, Stack};
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked whether all still run. A person does not notice the delay.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Starts Postgres with a replica, `RabbitMQ`, Redis, the API and workers, and prints what runs
/// where. Ctrl-C ends it all.
#[derive(Debug, Parser)]
struct Options {
    /// The port of the API
    #[arg(long, default_value_t = 8099)]
    port: u16,
    /// How many worker processes to start
    #[arg(long, default_value_t = 2)]
    workers: u32,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    println!("Starting Postgres, its replica, RabbitMQ and Redis; this takes ten seconds or so.");
    let stack = Stack::start(&Parts::all())?;
    let service = ServiceProcess::start(stack, options.port, options.workers)?;
    let stack = service.fleet.stack();
    let file = environment_file(&service.fleet)?;
    print(stack, &service, &file)?;
    watch(stack, &service)?;
    println!("\nStopping.");
    service.stop();
    Ok(())
}

/// Passwords and secrets go here and nowhere else.
fn environment_file(fleet: &Fleet) -> anyhow::Result<PathBuf> {
    let path = fleet.stack().sandbox().path().join("env");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("creating {}", path.display()))?;
    writeln!(file, "export TARS_SERVER='http://{}'", fleet.address())?;
    writeln!(file, "export TARS_TOKEN='{}'", fleet.token())?;
    for (name, value) in fleet.stack().environment() {
        writeln!(file, "export {name}='{value}'")?;
    }
    Ok(path)
}

fn print(stack: &Stack, service: &ServiceProcess, file: &std::path::Path) -> anyhow::Result<()> {
    let line = |part: &str, address: &str, pid: u32, log: &std::path::Path| {
        format!("  {part:<10} {address:<22} {pid:>7}  {}\n", log.display())
    };
    let mut text = format!(
        "\n  {:<10} {:<22} {:>7}  {}\n",
        "PART", "ADDRESS", "PID", "LOG"
    );
    let (primary, replica, rabbitmq, redis) = (
        stack.postgres(),
        stack.replica(),
        stack.rabbitmq(),
        stack.redis(),
    );
    text += &line(
        "postgres",
        &primary.address(),
        primary.pid()?,
        &primary.log(),
    );
    text += &line(
        "replica",
        &replica.address(),
        replica.pid()?,
        &replica.log(),
    );
    text += &line(
        "rabbitmq",
        &rabbitmq.address(),
        rabbitmq.pid()?,
        &rabbitmq.log(),
    );
    text += &line("redis", &redis.address(), redis.pid()?, &redis.log());
    for process in service.processes() {
        let address = if process.name() == "api" {
            service.fleet.address().to_string()
        } else {
            String::new()
        };
        text += &line(process.name(), &address, process.pid(), process.log());
    }
    let victim = service.workers.last().map_or(0, Process::pid);
    text += &format!(
        "\nIn another terminal:\n\n  . {file}\n  tars submit examples/policies/cartpole-ppo.zip --agent PPO --env CartPole-v1 --seed 7 --wait\n\n\
         The file holds a token that may do everything. `tars token create NAME --role developer` makes others there.\n\n\
         While it runs, break something. No accepted job gets lost, none finishes twice:\n\n  \
         kill -9 {victim}     # a worker\n  kill -STOP {redis}   # Redis hangs; kill -CONT {redis} ends it\n  \
         kill -9 {postgres}     # Postgres; the API still accepts jobs\n\nCtrl-C ends everything and removes {folder}.",
        file = file.display(),
        redis = redis.pid()?,
        postgres = primary.pid()?,
        folder = stack.sandbox().path().display(),
    );
    writeln!(stdout(), "{text}")?;
    Ok(())
}

/// Tells of each death until somebody wants the end.
fn watch(stack: &Stack, service: &ServiceProcess) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut look = tokio::time::interval(POLL_INTERVAL);
        let mut dead = Vec::new();
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = look.tick() => {
                    for name in ended(stack, service) {
                        if !dead.contains(&name) {
                            println!("{name} has ended. The others go on.");
                            dead.push(name);
                        }
                    }
                }
            }
        }
    })
}

fn ended(stack: &Stack, service: &ServiceProcess) -> Vec<String> {
    let parts = [
        ("postgres", stack.postgres().is_running()),
        ("replica", stack.replica().is_running()),
        ("rabbitmq", stack.rabbitmq().is_running()),
        ("redis", stack.redis().is_running()),
    ];
    let parts = parts
        .into_iter()
        .filter(|(_, runs)| !runs)
        .map(|(name, _)| name.to_owned());
    let processes = service.processes().filter(|process| !process.is_running());
    parts
        .chain(processes.map(|process| process.name().to_owned()))
        .collect()
}
