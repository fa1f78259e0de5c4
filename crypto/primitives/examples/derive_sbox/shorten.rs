//! Short linear programs.

/// Sums, each of two earlier values; values 0 to 7 are the inputs.
#[derive(Clone, Default)]
pub(crate) struct LinearProgram {
    pub(crate) sums: Vec<(usize, usize)>,
}

/// The greedy method of Boyar and Peralta: add the sum that brings all targets nearest in total,
/// ties to the greater sum of squares, then by `random`. Distances are exact, since there are only
/// 256 forms. With `eager`, a sum that is a target itself comes first; neither way is always the
/// better one.
pub(crate) fn shorten(
    targets: &[u8],
    eager: bool,
    random: &mut Random,
    give_up_at: usize,
) -> Option<LinearProgram> {
    let mut values: Vec<u8> = (0..8).map(|k| 1 << k).collect();
    // How many sums away each form is; one that is zero would be "−1" away.
    let mut distance: [i32; 256] = std::array::from_fn(|form| form.count_ones() as i32 - 1);
    let mut program = LinearProgram::default();
    let mut open: Vec<u8> = targets.to_vec();
    open.sort_unstable();
    open.dedup();
    loop {
        open.retain(|&target| distance[usize::from(target)] > 0);
        if open.is_empty() {
            return Some(program);
        }
        if program.sums.len() + 1 >= give_up_at {
            return None;
        }
        let mut best = (i32::MAX, i32::MAX);
        let mut choices: Vec<(usize, usize)> = Vec::new();
        for i in 0..values.len() {
            for j in i + 1..values.len() {
                let sum = values[i] ^ values[j];
                if values.contains(&sum) {
                    continue;
                }
                let hit = eager && open.contains(&sum);
                let (mut total, mut squares) = (if hit { -1000 } else { 0 }, 0);
                for &target in &open {
                    let there = distance[usize::from(target)];
                    let nearer = there.min(distance[usize::from(target ^ sum)] + 1);
                    total += nearer;
                    squares -= nearer * nearer;
                }
                if (total, squares) < best {
                    best = (total, squares);
                    choices.clear();
                }
                if (total, squares) == best {
                    choices.push((i, j));
                }
            }
        }
        let (i, j) = choices[random.below(choices.len())];
        let sum = values[i] ^ values[j];
        program.sums.push((i, j));
        values.push(sum);
        distance =
            std::array::from_fn(|form| distance[form].min(distance[form ^ usize::from(sum)] + 1));
    }
}

/// xorshift64: the same circuit each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % bound
    }
}
