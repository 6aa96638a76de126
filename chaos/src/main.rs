use std::time::Instant;
use tars_chaos::*;
fn main() {
    let t = Instant::now();
    let r = Stack::start(&Parts::default().with_redis()).unwrap(); println!("redis {:?}", t.elapsed()); 
    let t = Instant::now(); drop(r); println!("drop {:?}", t.elapsed());
    let t = Instant::now();
    let p = Stack::start(&Parts::default().with_postgres()).unwrap(); println!("pg {:?}", t.elapsed());
    let t = Instant::now(); println!("{:?} {:?}", p.postgres().database().unwrap().name, t.elapsed());
    let t = Instant::now(); drop(p); println!("drop {:?}", t.elapsed());
    let t = Instant::now();
    let p = Stack::start(&Parts::default().with_replica()).unwrap(); println!("pg+replica {:?}", t.elapsed()); drop(p);
    for vhosts in [0, 32, 64] {
    let t = Instant::now();
    let parts = Parts { rabbitmq: Some(RabbitMqOptions { vhosts }), ..Parts::default() };
    let p = Stack::start(&parts).unwrap(); println!("rmq {vhosts} {:?}", t.elapsed());
    let t = Instant::now(); p.rabbitmq().kill().unwrap(); println!("kill {:?}", t.elapsed());
    let t = Instant::now(); p.rabbitmq().start().unwrap(); println!("again {:?}", t.elapsed());
    let t = Instant::now(); drop(p); println!("drop {:?}", t.elapsed());
    }
    let t = Instant::now();
    let p = Stack::start(&Parts::all()).unwrap(); println!("all {:?}", t.elapsed());
    let t = Instant::now(); drop(p); println!("drop {:?}", t.elapsed());
}
