//! What is done in a room of a given size, and what it costs.

use serde::Serialize;

use super::room::{ExternalJoin, Join, Leave, Room, Rotation};

/// Costs in a room of one size; medians.
#[derive(Serialize)]
pub struct Cost {
    /// Size of the room.
    pub members: u32,
    /// Somebody is added by a member.
    pub join_by_welcome: Join,
    /// Somebody comes in by itself.
    pub join_by_external_commit: ExternalJoin,
    /// Somebody is taken out.
    pub leave: Leave,
    /// A member makes new keys.
    pub rotation: Rotation,
}

/// What each further member adds, from one size to the next.
#[derive(Serialize)]
pub struct Growth {
    /// The smaller size.
    pub from: u32,
    /// The larger.
    pub to: u32,
    /// To download for whoever joins.
    pub join_bytes_per_member: f64,
    /// For each member of the room, when one leaves. O(log N): a constant for each doubling, next
    /// to nothing for each member.
    pub leave_bytes_per_member: f64,
    /// The same for each doubling.
    pub leave_bytes_per_doubling: f64,
    /// To join by Welcome.
    pub join_ms_per_member: f64,
    /// To commit that one has left.
    pub leave_commit_ms_per_member: f64,
    /// To process that.
    pub leave_process_ms_per_member: f64,
}

impl Growth {
    pub(super) fn between(small: &Cost, large: &Cost) -> Self {
        let more = f64::from(large.members) - f64::from(small.members);
        let doublings = f64::from(large.members).log2() - f64::from(small.members).log2();
        let download = |cost: &Cost| {
            let join = &cost.join_by_welcome;
            (join.welcome_bytes + join.tree_bytes) as f64
        };
        let leave = large.leave.commit_bytes as f64 - small.leave.commit_bytes as f64;
        Self {
            from: small.members,
            to: large.members,
            join_bytes_per_member: (download(large) - download(small)) / more,
            leave_bytes_per_member: leave / more,
            leave_bytes_per_doubling: leave / doublings,
            join_ms_per_member: (large.join_by_welcome.join_ms - small.join_by_welcome.join_ms)
                / more,
            leave_commit_ms_per_member: (large.leave.commit_ms - small.leave.commit_ms) / more,
            leave_process_ms_per_member: (large.leave.process_ms - small.leave.process_ms) / more,
        }
    }
}

/// Does everything `repeat` times. Whoever leaves is replaced, so that the size stays and the tree
/// is filled again.
pub(super) fn measure(room: &mut Room, repeat: u32) -> anyhow::Result<Cost> {
    let (mut joins, mut externals, mut leaves, mut rotations) = (vec![], vec![], vec![], vec![]);
    let members = room.size();
    for _ in 0..repeat {
        externals.push(room.join_externally()?);
        leaves.push(room.leave()?);
        joins.push(room.join_by_welcome()?);
        room.leave()?;
        // Fills what the leave has blanked, as far as the two who commit can.
        room.rotate()?;
        rotations.push(room.rotate()?);
    }
    Ok(Cost {
        members,
        join_by_welcome: Join {
            key_package_bytes: median_of(&joins, |it| it.key_package_bytes),
            commit_bytes: median_of(&joins, |it| it.commit_bytes),
            welcome_bytes: median_of(&joins, |it| it.welcome_bytes),
            tree_bytes: median_of(&joins, |it| it.tree_bytes),
            commit_ms: median_ms(&joins, |it| it.commit_ms),
            join_ms: median_ms(&joins, |it| it.join_ms),
            process_ms: median_ms(&joins, |it| it.process_ms),
        },
        join_by_external_commit: ExternalJoin {
            group_info_bytes: median_of(&externals, |it| it.group_info_bytes),
            tree_bytes: median_of(&externals, |it| it.tree_bytes),
            commit_bytes: median_of(&externals, |it| it.commit_bytes),
            join_ms: median_ms(&externals, |it| it.join_ms),
            process_ms: median_ms(&externals, |it| it.process_ms),
        },
        leave: Leave {
            commit_bytes: median_of(&leaves, |it| it.commit_bytes),
            commit_ms: median_ms(&leaves, |it| it.commit_ms),
            process_ms: median_ms(&leaves, |it| it.process_ms),
        },
        rotation: Rotation {
            commit_bytes: median_of(&rotations, |it| it.commit_bytes),
            commit_ms: median_ms(&rotations, |it| it.commit_ms),
            process_ms: median_ms(&rotations, |it| it.process_ms),
        },
    })
}

fn median_of<T>(samples: &[T], value: impl Fn(&T) -> usize) -> usize {
    let mut values: Vec<usize> = samples.iter().map(value).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// To the microsecond.
fn median_ms<T>(samples: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or_default();
    (median * 1000.0).round() / 1000.0
}
