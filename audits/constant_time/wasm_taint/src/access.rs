//! What each load and store moves.

use wasmparser::Operator;

use crate::value::Width;

/// A load or a store.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Added to the address on the stack.
    pub offset: u64,
    /// Bits in memory.
    pub width: Width,
    /// What is done with them.
    pub form: Form,
}

/// What is done with the bits in memory.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Loaded, zeros above.
    Load,
    /// Loaded, the sign spread to this many bits.
    LoadSigned(Width),
    /// Loaded into every lane.
    LoadSplat,
    /// Loaded into one lane of a vector.
    LoadLane(u8),
    /// Stored.
    Store,
    /// One lane of a vector stored.
    StoreLane(u8),
}

/// The access that `operator` makes, if it does.
pub fn access(operator: &Operator<'_>) -> Option<Access> {
    use Form::{Load, LoadLane, LoadSigned, LoadSplat, Store, StoreLane};
    use Operator as O;
    let (memarg, width, form) = match operator {
        O::I32Load { memarg } => (memarg, 32, Load),
        O::I64Load { memarg } => (memarg, 64, Load),
        O::V128Load { memarg } => (memarg, 128, Load),
        O::I32Load8U { memarg } | O::I64Load8U { memarg } => (memarg, 8, Load),
        O::I32Load16U { memarg } | O::I64Load16U { memarg } => (memarg, 16, Load),
        O::I64Load32U { memarg } | O::V128Load32Zero { memarg } => (memarg, 32, Load),
        O::V128Load64Zero { memarg } => (memarg, 64, Load),
        O::I32Load8S { memarg } => (memarg, 8, LoadSigned(32)),
        O::I32Load16S { memarg } => (memarg, 16, LoadSigned(32)),
        O::I64Load8S { memarg } => (memarg, 8, LoadSigned(64)),
        O::I64Load16S { memarg } => (memarg, 16, LoadSigned(64)),
        O::I64Load32S { memarg } => (memarg, 32, LoadSigned(64)),
        O::V128Load8Splat { memarg } => (memarg, 8, LoadSplat),
        O::V128Load16Splat { memarg } => (memarg, 16, LoadSplat),
        O::V128Load32Splat { memarg } => (memarg, 32, LoadSplat),
        O::V128Load64Splat { memarg } => (memarg, 64, LoadSplat),
        O::V128Load8Lane { memarg, lane } => (memarg, 8, LoadLane(*lane)),
        O::V128Load16Lane { memarg, lane } => (memarg, 16, LoadLane(*lane)),
        O::V128Load32Lane { memarg, lane } => (memarg, 32, LoadLane(*lane)),
        O::V128Load64Lane { memarg, lane } => (memarg, 64, LoadLane(*lane)),
        O::I32Store8 { memarg } | O::I64Store8 { memarg } => (memarg, 8, Store),
        O::I32Store16 { memarg } | O::I64Store16 { memarg } => (memarg, 16, Store),
        O::I32Store { memarg } | O::I64Store32 { memarg } => (memarg, 32, Store),
        O::I64Store { memarg } => (memarg, 64, Store),
        O::V128Store { memarg } => (memarg, 128, Store),
        O::V128Store8Lane { memarg, lane } => (memarg, 8, StoreLane(*lane)),
        O::V128Store16Lane { memarg, lane } => (memarg, 16, StoreLane(*lane)),
        O::V128Store32Lane { memarg, lane } => (memarg, 32, StoreLane(*lane)),
        O::V128Store64Lane { memarg, lane } => (memarg, 64, StoreLane(*lane)),
        _ => return None,
    };
    Some(Access {
        offset: memarg.offset,
        width,
        form,
    })
}
