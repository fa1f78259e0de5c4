//! A Wasm module, decoded and validated by `wasmparser`, with each jump resolved to where it goes.

use std::collections::BTreeMap;

use rustc_demangle::demangle;
use wasmparser::{
    BlockType, CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind,
    FrameKind, FuncType, FuncValidator, FunctionBody, KnownCustom, Name, Operator, Parser, Payload,
    ValidPayload, Validator, ValidatorResources, WasmFeatures, WasmModuleResources,
};

/// Why a module is not one that this program can follow.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not valid Wasm.
    #[error("not a valid module: {0}")]
    Invalid(#[from] wasmparser::BinaryReaderError),
    /// Valid, but of a kind that is not needed here.
    #[error("the module has {0}, which this program does not follow")]
    Unsupported(&'static str),
}

/// Where a jump goes, and what of the operand stack goes along.
#[derive(Clone, Copy, Debug)]
pub struct Jump {
    /// Index of the next instruction.
    pub to: usize,
    /// How many values on top are kept.
    pub keep: usize,
    /// How many values remain below them.
    pub height: usize,
}

/// An instruction of a function.
#[derive(Debug)]
pub struct Instruction<'a> {
    /// What it does.
    pub operator: Operator<'a>,
    /// Where it is in the file, in bytes.
    pub offset: u64,
    /// Whether a loop is around it.
    pub in_loop: bool,
    /// Where it can jump: one for `br`, `br_if`, `if` (when false) and `else`; for `br_table` the
    /// default last.
    pub jumps: Vec<Jump>,
}

/// A function.
#[derive(Debug)]
pub struct Function<'a> {
    /// Its demangled name.
    pub name: String,
    /// How many parameters it takes.
    pub parameters: usize,
    /// How many values it returns.
    pub results: usize,
    /// How many locals it has beyond the parameters.
    pub locals: usize,
    /// Its type, for indirect calls.
    pub type_index: u32,
    /// Its body; the last is the `end`.
    pub body: Vec<Instruction<'a>>,
}

/// A module without imports.
#[derive(Debug, Default)]
pub struct Module<'a> {
    /// All functions, by index.
    pub functions: Vec<Function<'a>>,
    /// Exported functions.
    pub exports: BTreeMap<String, usize>,
    /// Initial values of the globals.
    pub globals: Vec<u128>,
    /// The table of functions; none where nothing is.
    pub table: Vec<Option<usize>>,
    /// Pages of 64 KiB to begin with.
    pub pages: usize,
    /// What is in memory to begin with, and where.
    pub data: Vec<(usize, &'a [u8])>,
}

impl<'a> Module<'a> {
    /// Decodes `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are no module, or one that imports functions or has several memories
    /// or tables.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut module = Self::default();
        let mut names = BTreeMap::new();
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                let type_index = function.ty;
                let mut checker = function.into_validator(Default::default());
                let decoded = decode_function(&mut checker, &body, type_index)?;
                module.functions.push(decoded);
            }
            module.take(payload, &mut names)?;
        }
        for (index, function) in module.functions.iter_mut().enumerate() {
            let name = names.get(&(index as u32)).copied().unwrap_or("unnamed");
            function.name = format!("{:#}", demangle(name));
        }
        Ok(module)
    }

    fn take(
        &mut self,
        payload: Payload<'a>,
        names: &mut BTreeMap<u32, &'a str>,
    ) -> Result<(), DecodeError> {
        match payload {
            Payload::ImportSection(_) => return Err(DecodeError::Unsupported("imports")),
            Payload::StartSection { .. } => {
                return Err(DecodeError::Unsupported("a start function"));
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.pages = memory?.initial as usize;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table = vec![None; table?.ty.initial as usize];
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.globals.push(constant(&global?.init_expr)?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports
                            .insert(export.name.into(), export.index as usize);
                    }
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.take_element(&element?)?;
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    let DataKind::Active { offset_expr, .. } = segment.kind else {
                        return Err(DecodeError::Unsupported("passive data"));
                    };
                    self.data
                        .push((constant(&offset_expr)? as usize, segment.data));
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(subsections) = section.as_known() {
                    for subsection in subsections {
                        if let Name::Function(map) = subsection? {
                            for naming in map {
                                let naming = naming?;
                                names.insert(naming.index, naming.name);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_element(&mut self, element: &wasmparser::Element<'_>) -> Result<(), DecodeError> {
        let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(functions)) =
            (&element.kind, &element.items)
        else {
            return Err(DecodeError::Unsupported(
                "an element segment that is not active",
            ));
        };
        let offset = constant(offset_expr)? as usize;
        for (slot, function) in functions.clone().into_iter().enumerate() {
            let entry = self.table.get_mut(offset + slot);
            *entry.ok_or(DecodeError::Unsupported("a table that is too short"))? =
                Some(function? as usize);
        }
        Ok(())
    }
}

/// The value of a constant expression.
fn constant(expression: &ConstExpr<'_>) -> Result<u128, DecodeError> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(u128::from(value as u32)),
        Operator::I64Const { value } => Ok(u128::from(value as u64)),
        _ => Err(DecodeError::Unsupported("a constant that is computed")),
    }
}

type Checker = FuncValidator<ValidatorResources>;

/// A block that is open while its function is decoded.
struct Open {
    /// Its first instruction, where a `br` to a loop goes.
    start: usize,
    /// Jumps to its end that wait for the end: instruction and place in its list.
    to_end: Vec<(usize, usize)>,
    /// The `if` that waits for its `else` or its end.
    to_else: Option<usize>,
    /// Whether it is a loop.
    is_loop: bool,
}

fn decode_function<'a>(
    checker: &mut Checker,
    body: &FunctionBody<'a>,
    type_index: u32,
) -> Result<Function<'a>, DecodeError> {
    let (parameters, results) = arity(function_type(checker, type_index)?);
    let mut reader = body.get_binary_reader();
    checker.read_locals(&mut reader)?;
    let locals = checker.len_locals() as usize - parameters;
    let mut instructions: Vec<Instruction<'a>> = Vec::new();
    let mut blocks = vec![Open {
        start: 0,
        to_end: Vec::new(),
        to_else: None,
        is_loop: false,
    }];
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        let at = instructions.len();
        let depths = match &operator {
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                vec![*relative_depth]
            }
            Operator::BrTable { targets } => {
                let listed: Result<Vec<u32>, _> = targets.targets().collect();
                let mut listed = listed?;
                listed.push(targets.default());
                listed
            }
            _ => Vec::new(),
        };
        let mut jumps = Vec::new();
        for depth in depths {
            jumps.push(jump(
                checker,
                &mut blocks,
                depth as usize,
                (at, jumps.len()),
            )?);
        }
        checker.op(offset, &operator)?;
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let is_if = matches!(operator, Operator::If { .. });
                if is_if {
                    jumps.push(Jump {
                        to: 0,
                        keep: 0,
                        height: 0,
                    });
                }
                blocks.push(Open {
                    start: at + 1,
                    to_end: Vec::new(),
                    to_else: is_if.then_some(at),
                    is_loop: matches!(operator, Operator::Loop { .. }),
                });
            }
            Operator::Else => {
                let block = blocks.last_mut().expect("validated");
                if let Some(condition) = block.to_else.take() {
                    instructions[condition].jumps[0].to = at + 1;
                }
                // What falls out of the first branch leaves the block with its stack as it is.
                block.to_end.push((at, 0));
                jumps.push(Jump {
                    to: 0,
                    keep: 0,
                    height: 0,
                });
            }
            Operator::End => {
                let block = blocks.pop().expect("validated");
                for (instruction, place) in block.to_end {
                    instructions[instruction].jumps[place].to = at;
                }
                if let Some(condition) = block.to_else {
                    instructions[condition].jumps[0].to = at;
                }
            }
            _ => {}
        }
        instructions.push(Instruction {
            operator,
            offset,
            in_loop: blocks.iter().any(|block| block.is_loop),
            jumps,
        });
    }
    Ok(Function {
        name: String::new(),
        parameters,
        results,
        locals,
        type_index,
        body: instructions,
    })
}

/// The jump out of `depth` blocks, made by the instruction and in the place that `from` names.
fn jump(
    checker: &Checker,
    blocks: &mut [Open],
    depth: usize,
    from: (usize, usize),
) -> Result<Jump, DecodeError> {
    let invalid = DecodeError::Unsupported("a jump out of its function");
    let frame = checker.get_control_frame(depth).ok_or(invalid)?;
    let (parameters, results) = match frame.block_type {
        BlockType::Empty => (0, 0),
        BlockType::Type(_) => (0, 1),
        BlockType::FuncType(index) => arity(function_type(checker, index)?),
    };
    let is_loop = frame.kind == FrameKind::Loop;
    let place = blocks.len() - 1 - depth;
    if !is_loop {
        blocks[place].to_end.push(from);
    }
    Ok(Jump {
        to: blocks[place].start,
        keep: if is_loop { parameters } else { results },
        height: frame.height,
    })
}

fn function_type(checker: &Checker, index: u32) -> Result<&FuncType, DecodeError> {
    let found = checker.resources().sub_type_at(index);
    match found.map(|found| &found.composite_type.inner) {
        Some(CompositeInnerType::Func(function)) => Ok(function),
        _ => Err(DecodeError::Unsupported("a type that is no function's")),
    }
}

fn arity(function: &FuncType) -> (usize, usize) {
    (function.params().len(), function.results().len())
}
