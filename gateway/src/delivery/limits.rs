/// What the delivery service of one room takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// KeyPackages held for one participant; default 16.
    pub key_packages: usize,
    /// Below how many left after a claim their owner is told; default 4.
    pub key_packages_low: usize,
    /// One KeyPackage, in bytes; default 16 KiB.
    pub key_package_bytes: usize,
    /// One commit, in bytes; default 512 KiB. The first after a thousand were added at once takes
    /// 117 KiB.
    pub commit_bytes: usize,
    /// One GroupInfo without its tree, in bytes; default 64 KiB.
    pub group_info_bytes: usize,
    /// One ratchet tree, in bytes; default 900 KiB.
    pub tree_bytes: usize,
    /// One Welcome, in bytes; default 64 KiB.
    pub welcome_bytes: usize,
    /// Welcomes of one commit; default 64.
    pub welcomes: usize,
    /// KeyPackages of one owner that a participant is given and has not added that owner by;
    /// default 4.
    pub claims_of_one: usize,
    /// One heartbeat, in bytes; default 1 KiB.
    pub heartbeat_bytes: usize,
    /// Of each participant.
    pub rates: Rates,
}

/// How much one participant may ask of a delivery service: so many in a second, and so many at
/// once.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Commits; default 2 and 8.
    pub commits: (u32, u32),
    /// Requests for the group, and KeyPackages claimed; default 4 and 64.
    pub fetches: (u32, u32),
    /// Trees; default 2 and 4.
    pub trees: (u32, u32),
    /// Heartbeats; default 1 and 5.
    pub heartbeats: (u32, u32),
    /// All its messages in bytes; default 256 KiB and 4 MiB.
    pub bytes: (u32, u32),
    /// What its messages bring to any one other participant, in bytes: commits, a Welcome with the
    /// tree, heartbeats; default 64 KiB and 2 MiB. So nobody alone can fill another's control
    /// stream, where 4 MiB may wait.
    pub bytes_to_one: (u32, u32),
    /// The same to all others together; default 16 MiB and 128 MiB. The commit that adds 64 to a
    /// thousand takes 60 MiB.
    pub bytes_to_all: (u32, u32),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_packages: 16,
            key_packages_low: 4,
            key_package_bytes: 16 << 10,
            commit_bytes: 512 << 10,
            group_info_bytes: 64 << 10,
            tree_bytes: 900 << 10,
            welcome_bytes: 64 << 10,
            welcomes: 64,
            claims_of_one: 4,
            heartbeat_bytes: 1 << 10,
            rates: Rates::default(),
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            commits: (2, 8),
            fetches: (4, 64),
            trees: (2, 4),
            heartbeats: (1, 5),
            bytes: (256 << 10, 4 << 20),
            bytes_to_one: (64 << 10, 2 << 20),
            bytes_to_all: (16 << 20, 128 << 20),
        }
    }
}
