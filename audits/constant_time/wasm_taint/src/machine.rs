//! Runs functions of a module, follows what is secret, and writes down where a secret decides
//! something.

use std::collections::BTreeMap;

use wasmparser::Operator;

use crate::access::{Access, Form, access};
use crate::memory::{Memory, OutOfBounds};
use crate::module::{Instruction, Jump, Module};
use crate::value::{Value, ones};
use crate::{numeric, vector};

/// What a secret must not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leak {
    /// The address of a load or store, or the length of a copy.
    Address,
    /// A conditional branch, or the choice of a `br_table`.
    Branch,
    /// The condition of a `select`, of which an engine may make a branch.
    Select,
    /// Which function an indirect call calls.
    Call,
    /// An operand of a division, whose time depends on it.
    Division,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trap {
    /// `unreachable`: a panic.
    #[error("panicked in {0}")]
    Unreachable(String),
    /// An access outside of memory.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// A division by zero, or one that overflows.
    #[error("division by zero")]
    Division,
    /// An indirect call of nothing, or of a function of another type.
    #[error("indirect call of no such function")]
    Call,
    /// An instruction that this program does not know: it must be taught.
    #[error("unknown instruction {0}")]
    Unknown(String),
    /// No such export.
    #[error("no export {0}")]
    NoExport(String),
}

/// Where an instruction is: index of the function, and of the instruction in it.
pub type Place = (usize, usize);

/// A module in the course of running.
#[derive(Debug)]
pub struct Machine<'m, 'a> {
    /// The module.
    pub module: &'m Module<'a>,
    /// Its memory.
    pub memory: Memory,
    /// Where a secret decided something, and how often.
    pub findings: BTreeMap<(Place, Leak), u64>,
    /// Which instructions ran, by function.
    pub ran: Vec<Vec<bool>>,
    /// How many instructions ran.
    pub steps: u64,
    globals: Vec<Value>,
    stack: Vec<Value>,
}

/// What to do after an instruction.
enum Next {
    Following,
    To(usize),
    Return,
}

impl<'m, 'a> Machine<'m, 'a> {
    /// A fresh instance of `module`.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`] if its data do not fit into its memory.
    pub fn new(module: &'m Module<'a>) -> Result<Self, OutOfBounds> {
        let mut memory = Memory::default();
        memory.grow(module.pages);
        for (address, bytes) in &module.data {
            memory.write(*address, bytes)?;
        }
        Ok(Self {
            module,
            memory,
            findings: BTreeMap::new(),
            ran: module
                .functions
                .iter()
                .map(|function| vec![false; function.body.len()])
                .collect(),
            steps: 0,
            globals: module.globals.iter().copied().map(Value::public).collect(),
            stack: Vec::new(),
        })
    }

    /// Calls an exported function with public arguments.
    ///
    /// # Errors
    ///
    /// [`Trap`].
    pub fn call_export(&mut self, name: &str, arguments: &[u32]) -> Result<Option<Value>, Trap> {
        let export = self.module.exports.get(name);
        let index = *export.ok_or_else(|| Trap::NoExport(name.into()))?;
        self.stack.clear();
        self.stack.extend(arguments.iter().copied().map(Value::i32));
        self.call(index)?;
        Ok(self.stack.pop())
    }

    fn call(&mut self, index: usize) -> Result<(), Trap> {
        let module = self.module;
        let function = &module.functions[index];
        let base = self.stack.len() - function.parameters;
        let mut locals = self.stack.split_off(base);
        locals.resize(function.parameters + function.locals, Value::default());
        let mut at = 0;
        while at < function.body.len() {
            self.ran[index][at] = true;
            self.steps += 1;
            match self.step(&function.body[at], &mut locals, base, (index, at))? {
                Next::Following => at += 1,
                Next::To(place) => at = place,
                Next::Return => break,
            }
        }
        // What is left below the results belongs to blocks that were left.
        let results = self.stack.len() - function.results;
        self.stack.drain(base..results);
        Ok(())
    }

    fn step(
        &mut self,
        instruction: &Instruction<'a>,
        locals: &mut [Value],
        base: usize,
        place: Place,
    ) -> Result<Next, Trap> {
        let operator = &instruction.operator;
        match operator {
            Operator::LocalGet { local_index } => self.stack.push(locals[*local_index as usize]),
            Operator::LocalSet { local_index } => locals[*local_index as usize] = self.pop(),
            Operator::LocalTee { local_index } => locals[*local_index as usize] = self.top(),
            Operator::GlobalGet { global_index } => {
                self.stack.push(self.globals[*global_index as usize]);
            }
            Operator::GlobalSet { global_index } => {
                self.globals[*global_index as usize] = self.pop();
            }
            Operator::Drop => drop(self.pop()),
            Operator::Nop | Operator::Block { .. } | Operator::Loop { .. } | Operator::End => {}
            Operator::Br { .. } => return Ok(self.jump(instruction.jumps[0], base)),
            Operator::BrIf { .. } => {
                if self.condition(Leak::Branch, place) {
                    return Ok(self.jump(instruction.jumps[0], base));
                }
            }
            Operator::If { .. } => {
                if !self.condition(Leak::Branch, place) {
                    return Ok(Next::To(instruction.jumps[0].to));
                }
            }
            Operator::Else => return Ok(Next::To(instruction.jumps[0].to)),
            Operator::BrTable { .. } => {
                let choice = self.pop();
                self.must_be_public(choice, Leak::Branch, place);
                let last = instruction.jumps.len() - 1;
                let jump = instruction.jumps[last.min(choice.as_u32() as usize)];
                return Ok(self.jump(jump, base));
            }
            Operator::Return => return Ok(Next::Return),
            Operator::Unreachable => {
                let name = self.module.functions[place.0].name.clone();
                return Err(Trap::Unreachable(name));
            }
            Operator::Call { function_index } => self.call(*function_index as usize)?,
            Operator::CallIndirect { type_index, .. } => {
                let choice = self.pop();
                self.must_be_public(choice, Leak::Call, place);
                let entry = self.module.table.get(choice.as_u32() as usize);
                let callee = entry.copied().flatten().ok_or(Trap::Call)?;
                if self.module.functions[callee].type_index != *type_index {
                    return Err(Trap::Call);
                }
                self.call(callee)?;
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select(place),
            _ => self.compute(operator, place)?,
        }
        Ok(Next::Following)
    }

    /// What neither jumps nor touches locals.
    fn compute(&mut self, operator: &Operator<'_>, place: Place) -> Result<(), Trap> {
        if let Some(access) = access(operator) {
            return self.access(access, place);
        }
        if let Some(value) = numeric::constant(operator) {
            self.stack.push(value);
            return Ok(());
        }
        let b = self.stack.last().copied().unwrap_or_default();
        if let Some(value) = numeric::unary(operator, b)
            .or_else(|| vector::unary(operator, b))
            .or_else(|| vector::make(operator, b))
        {
            self.pop();
            self.stack.push(value);
            return Ok(());
        }
        let a = self.stack.iter().rev().nth(1).copied().unwrap_or_default();
        if let Some(quotient) = numeric::division(operator, a, b) {
            self.must_be_public(a, Leak::Division, place);
            self.must_be_public(b, Leak::Division, place);
            self.pop();
            self.pop();
            self.stack.push(quotient.ok_or(Trap::Division)?);
            return Ok(());
        }
        if let Some(value) = numeric::binary(operator, a, b)
            .or_else(|| vector::binary(operator, a, b))
            .or_else(|| vector::insert(operator, a, b))
        {
            self.pop();
            self.pop();
            self.stack.push(value);
            return Ok(());
        }
        self.bulk(operator, place)
    }

    fn bulk(&mut self, operator: &Operator<'_>, place: Place) -> Result<(), Trap> {
        match operator {
            Operator::V128Bitselect
            | Operator::I8x16RelaxedLaneselect
            | Operator::I16x8RelaxedLaneselect
            | Operator::I32x4RelaxedLaneselect
            | Operator::I64x2RelaxedLaneselect => {
                let (mask, b, a) = (self.pop(), self.pop(), self.pop());
                self.stack.push(vector::bitselect(a, b, mask));
            }
            Operator::MemorySize { .. } => {
                self.stack.push(Value::i32(self.memory.pages() as u32));
            }
            Operator::MemoryGrow { .. } => {
                let pages = self.pop();
                self.must_be_public(pages, Leak::Address, place);
                self.stack.push(Value::i32(self.memory.pages() as u32));
                self.memory.grow(pages.as_u32() as usize);
            }
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => {
                let (len, second, to) = (self.pop(), self.pop(), self.pop());
                self.must_be_public(len, Leak::Address, place);
                self.must_be_public(to, Leak::Address, place);
                let (to, len) = (to.as_u32() as usize, len.as_u32() as usize);
                if let Operator::MemoryFill { .. } = operator {
                    self.memory.fill(to, second, len)?;
                } else {
                    self.must_be_public(second, Leak::Address, place);
                    self.memory.copy(to, second.as_u32() as usize, len)?;
                }
            }
            unknown => return Err(Trap::Unknown(format!("{unknown:?}"))),
        }
        Ok(())
    }

    fn access(&mut self, access: Access, place: Place) -> Result<(), Trap> {
        let vector = match access.form {
            Form::Store | Form::StoreLane(_) | Form::LoadLane(_) => self.pop(),
            _ => Value::default(),
        };
        let base = self.pop();
        self.must_be_public(base, Leak::Address, place);
        let address = base.as_u32() as usize + access.offset as usize;
        let width = access.width;
        match access.form {
            Form::Store => self.memory.store(address, vector, width)?,
            Form::StoreLane(lane) => {
                let lane = vector::extract(vector, lane, width);
                self.memory.store(address, lane, width)?;
            }
            _ => {
                let mut loaded = self.memory.load(address, width)?;
                if base.is_secret() {
                    loaded.secret = ones(width);
                }
                self.stack.push(match access.form {
                    Form::LoadSigned(to) => loaded.sign_extend(width, to),
                    Form::LoadSplat => vector::splat(loaded, width),
                    Form::LoadLane(lane) => vector::replace(vector, lane, loaded, width),
                    _ => loaded,
                });
            }
        }
        Ok(())
    }

    fn select(&mut self, place: Place) {
        let condition = self.pop();
        let (b, a) = (self.pop(), self.pop());
        let chosen = if condition.bits != 0 { a } else { b };
        if !condition.is_secret() {
            self.stack.push(chosen);
            return;
        }
        self.must_be_public(condition, Leak::Select, place);
        let secret = a.secret | b.secret | a.bits ^ b.bits;
        let mut value = a.with(b, chosen.bits, secret);
        value.tag |= condition.tag;
        self.stack.push(value);
    }

    fn condition(&mut self, leak: Leak, place: Place) -> bool {
        let condition = self.pop();
        self.must_be_public(condition, leak, place);
        condition.bits != 0
    }

    /// Notes a finding if `value` is secret. Whether a tag verifies is public, but it makes no
    /// address.
    fn must_be_public(&mut self, value: Value, leak: Leak, place: Place) {
        let decides = matches!(leak, Leak::Branch | Leak::Select);
        if value.is_secret() && !(decides && value.is_verdict()) {
            *self.findings.entry((place, leak)).or_default() += 1;
        }
    }

    fn jump(&mut self, jump: Jump, base: usize) -> Next {
        let kept = self.stack.len() - jump.keep;
        self.stack.drain(base + jump.height..kept);
        Next::To(jump.to)
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().expect("validated")
    }

    fn top(&self) -> Value {
        *self.stack.last().expect("validated")
    }
}
