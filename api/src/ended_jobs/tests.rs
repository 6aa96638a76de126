use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tars_shared::cache::memory::Memory;
use tars_shared::clock::System;

use super::*;

fn ended_jobs(bytes: u64) -> (EndedJobs, Arc<Memory>, Arc<Metrics>) {
    let shared = Arc::new(Memory::new(Arc::new(System)));
    let metrics = Arc::new(Metrics::new());
    let jobs = EndedJobs::new(bytes, shared.clone(), metrics.clone());
    (jobs, shared, metrics)
}

fn document(byte: u8, length: usize) -> Document {
    Document::new(Bytes::from(vec![byte; length]))
}

fn counted(metrics: &Metrics) -> [u64; 3] {
    ["local_hit", "shared_hit", "miss"]
        .map(|result| metrics.cache_requests.with_label_values(&[result]).get())
}

async fn keep(jobs: &EndedJobs, id: u128, document: Document) {
    let made = async { Ok(Made::Whole(document)) };
    jobs.find_or_make(Uuid::from_u128(id), made).await.unwrap();
}

#[tokio::test]
async fn what_is_here_asks_nobody_and_every_process_finds_what_one_made() {
    let (one, shared, metrics) = ended_jobs(1024 * 1024);
    let id = Uuid::from_u128(1);
    assert!(one.find(id).await.is_none());
    keep(&one, 1, document(7, 100)).await;
    let other = EndedJobs::new(1024 * 1024, shared.clone(), metrics.clone());
    assert_eq!(other.find(id).await.unwrap().bytes, vec![7; 100]);
    assert_eq!(counted(&metrics), [0, 1, 1]);
    shared
        .remove("job:00000000-0000-0000-0000-000000000001")
        .await;
    for jobs in [&one, &other] {
        let found = jobs.find(id).await.unwrap();
        assert_eq!(found.tag, document(7, 100).tag);
    }
    assert_eq!(counted(&metrics), [2, 1, 1], "both have it themselves");
}

#[tokio::test]
async fn a_tag_is_strong_and_stands_for_its_bytes_alone() {
    let tag = document(1, 10).tag;
    let text = tag.to_str().unwrap();
    assert!(text.starts_with('"') && text.ends_with('"') && text.len() == 34);
    assert_eq!(tag, document(1, 10).tag);
    assert_ne!(tag, document(1, 11).tag);
    assert_ne!(tag, document(2, 10).tag);
}

#[tokio::test]
async fn the_memory_of_documents_is_bounded_in_bytes() {
    let (jobs, _, _) = ended_jobs(1024 * 1024);
    for id in 0..100 {
        keep(&jobs, id, document(1, 100 * 1024)).await;
    }
    jobs.here.run_pending_tasks().await;
    let bytes = jobs.here.weighted_size();
    assert!((500 * 1024..=1024 * 1024).contains(&bytes), "{bytes}");

    let (none, _, _) = ended_jobs(0);
    keep(&none, 1, document(1, 1)).await;
    none.here.run_pending_tasks().await;
    assert_eq!(none.here.weighted_size(), 0);
    assert!(
        none.find(Uuid::from_u128(1)).await.is_some(),
        "the shared cache still has it"
    );
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_makes_it() {
    let (jobs, _, _) = ended_jobs(1024 * 1024);
    let makings = AtomicUsize::new(0);
    let asking = (0..50).map(|_| {
        jobs.find_or_make(Uuid::nil(), async {
            tokio::task::yield_now().await;
            makings.fetch_add(1, Ordering::Relaxed);
            Ok(Made::Whole(document(1, 10)))
        })
    });
    for answer in join_all(asking).await {
        assert_eq!(answer.unwrap().bytes, vec![1; 10]);
    }
    assert_eq!(makings.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_not_whole_is_answered_and_not_kept() {
    let (jobs, shared, _) = ended_jobs(1024 * 1024);
    let id = Uuid::nil();
    let partial = async { Ok(Made::Partial(document(1, 10))) };
    assert!(jobs.find_or_make(id, partial).await.is_ok());
    let failed = async { Err(Problem::unavailable()) };
    assert!(jobs.find_or_make(id, failed).await.is_err());
    assert!(shared.find(&key(id)).await.is_none() && jobs.find(id).await.is_none());
    let whole = async { Ok(Made::Whole(document(2, 10))) };
    jobs.find_or_make(id, whole).await.unwrap();
    assert_eq!(jobs.find(id).await.unwrap().bytes, vec![2; 10]);
}
