//! The machine that this worker runs on.

/// Its name, as it calls itself: in a container, the container's.
pub(crate) fn name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
