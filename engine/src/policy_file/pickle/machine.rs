//! The stack machine: the opcodes that policies use, as Python's `pickletools` documents them.

use std::collections::HashMap;

use super::document::{AllowedGlobal, Document, Id, Node, Object};
use super::fault::Fault;
use super::input::Input;
use crate::policy_file::limits::{MAX_PICKLE_DEPTH, MAX_PICKLE_MEMO, MAX_PICKLE_OPERATIONS};

/// Runs the pickle that `bytes` begin with, and says how long it is. An error comes with the offset
/// of the opcode that caused it.
pub(super) fn run<G: AllowedGlobal>(
    bytes: &[u8],
) -> Result<(Document<'_, G>, usize), (usize, Fault)> {
    let mut machine = Machine::new(bytes);
    let root = machine
        .run()
        .map_err(|fault| (machine.opcode_offset, fault))?;
    let document = Document {
        nodes: machine.nodes,
        root,
    };
    Ok((document, machine.input.offset()))
}

struct Machine<'a, G> {
    input: Input<'a>,
    opcode_offset: usize,
    nodes: Vec<Node<'a, G>>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a, G: AllowedGlobal> Machine<'a, G> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            input: Input::new(bytes),
            opcode_offset: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    fn run(&mut self) -> Result<Id, Fault> {
        const PROTO: u8 = 0x80;
        const STOP: u8 = b'.';
        if self.input.byte()? != PROTO || !(2..=5).contains(&self.input.byte()?) {
            return Err(Fault::Protocol);
        }
        for _ in 0..MAX_PICKLE_OPERATIONS {
            self.opcode_offset = self.input.offset();
            match self.input.byte()? {
                STOP => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
        Err(Fault::Operations)
    }

    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            // Scalars: NONE, NEWTRUE, NEWFALSE, BININT1, BININT2, BININT, LONG1, BINFLOAT.
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'K' => self.push_int(|input| Ok(input.byte()?.into())),
            b'M' => self.push_int(|input| Ok(u16::from_le_bytes(input.array()?).into())),
            b'J' => self.push_int(|input| Ok(i32::from_le_bytes(input.array()?).into())),
            0x8a => self.long(),
            b'G' => {
                let float = f64::from_be_bytes(self.input.array()?);
                self.push(Node::Float(float))
            }
            // Text and bytes: BINUNICODE, SHORT_BINUNICODE, BINBYTES, SHORT_BINBYTES, BYTEARRAY8.
            b'X' => self.push_text(Input::text::<4>),
            0x8c => self.push_text(Input::text::<1>),
            b'B' => self.push_bytes(Input::counted::<4>),
            b'C' => self.push_bytes(Input::counted::<1>),
            0x96 => self.push_bytes(Input::counted::<8>),
            // Containers: MARK, EMPTY_TUPLE, TUPLE1 to 3, TUPLE, EMPTY_LIST, APPEND(S), EMPTY_DICT,
            // SETITEM(S).
            b'(' => self.mark(),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x85..=0x87 => self.tuple(usize::from(opcode - 0x84)),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items))
            }
            b']' => self.push(Node::List(Vec::new())),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)
            }
            b'}' => self.push(Node::Dict(Vec::new())),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            // The memo: BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET.
            b'q' => {
                let slot = self.input.byte()?.into();
                self.memoize(slot)
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.input.array()?);
                self.memoize(slot)
            }
            0x94 => self.memoize(u32::try_from(self.memo.len()).unwrap_or(u32::MAX)),
            b'h' => {
                let slot = self.input.byte()?.into();
                self.recall(slot)
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.input.array()?);
                self.recall(slot)
            }
            // Names and calls: GLOBAL, STACK_GLOBAL, REDUCE and NEWOBJ, BUILD, BINPERSID.
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop_text()?, self.pop_text()?);
                self.global(module, name)
            }
            b'R' | 0x81 => self.call(),
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id))
            }
            // FRAME only helps readers that prefetch.
            0x95 => self.input.take(8).map(drop),
            unknown => Err(Fault::Opcode(unknown)),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "every arm of step() is a Result")]
    fn push(&mut self, node: Node<'a, G>) -> Result<(), Fault> {
        self.stack.push(Id(self.nodes.len()));
        self.nodes.push(node);
        Ok(())
    }

    fn push_int(
        &mut self,
        read: impl FnOnce(&mut Input<'a>) -> Result<i64, Fault>,
    ) -> Result<(), Fault> {
        let value = read(&mut self.input)?;
        self.push(Node::Int(value))
    }

    fn push_text(
        &mut self,
        read: impl FnOnce(&mut Input<'a>) -> Result<&'a str, Fault>,
    ) -> Result<(), Fault> {
        let text = read(&mut self.input)?;
        self.push(Node::Text(text))
    }

    fn push_bytes(
        &mut self,
        read: impl FnOnce(&mut Input<'a>) -> Result<&'a [u8], Fault>,
    ) -> Result<(), Fault> {
        let bytes = read(&mut self.input)?;
        self.push(Node::Bytes(bytes))
    }

    /// A two's-complement integer of up to 255 little-endian bytes.
    fn long(&mut self) -> Result<(), Fault> {
        let bytes = self.input.counted::<1>()?;
        if bytes.len() > 8 {
            return self.push(Node::LongInt);
        }
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut extended = [if negative { 0xff } else { 0 }; 8];
        extended[..bytes.len()].copy_from_slice(bytes);
        self.push(Node::Int(i64::from_le_bytes(extended)))
    }

    /// Takes one value, but never one from below the innermost mark.
    fn pop(&mut self) -> Result<Id, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Fault::Stack);
        }
        self.stack.pop().ok_or(Fault::Stack)
    }

    fn pop_text(&mut self) -> Result<&'a str, Fault> {
        let id = self.pop()?;
        match self.nodes[id.0] {
            Node::Text(text) => Ok(text),
            _ => Err(Fault::Stack),
        }
    }

    fn top(&self) -> Result<Id, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or(Fault::Stack)
    }

    fn mark(&mut self) -> Result<(), Fault> {
        if self.marks.len() == MAX_PICKLE_DEPTH {
            return Err(Fault::Depth);
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let mark = self.marks.pop().ok_or(Fault::Stack)?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, length: usize) -> Result<(), Fault> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Node::Tuple(items))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Fault> {
        let target = self.top()?;
        match &mut self.nodes[target.0] {
            Node::List(list) => list.extend(items),
            _ => return Err(Fault::Stack),
        }
        Ok(())
    }

    fn set_items(&mut self, keys_and_values: &[Id]) -> Result<(), Fault> {
        let target = self.top()?;
        let entries = match &mut self.nodes[target.0] {
            Node::Dict(entries) => entries,
            Node::Object(object) => &mut object.items,
            _ => return Err(Fault::Stack),
        };
        let pairs = keys_and_values.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(Fault::Stack);
        }
        entries.extend(pairs.map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn memoize(&mut self, slot: u32) -> Result<(), Fault> {
        if slot >= MAX_PICKLE_MEMO {
            return Err(Fault::MemoLimit(slot));
        }
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), Fault> {
        let id = *self.memo.get(&slot).ok_or(Fault::MemoUnknown(slot))?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), Fault> {
        let global = G::named(module, name).ok_or_else(|| Fault::Global {
            module: module.to_owned(),
            name: name.to_owned(),
        })?;
        self.push(Node::Global(global))
    }

    fn call(&mut self) -> Result<(), Fault> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        match (&self.nodes[callable.0], &self.nodes[arguments.0]) {
            (&Node::Global(callable), Node::Tuple(_)) => self.push(Node::Object(Object {
                callable,
                arguments,
                state: None,
                items: Vec::new(),
            })),
            (Node::Global(_), _) => Err(Fault::Stack),
            _ => Err(Fault::Callable),
        }
    }

    fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        let target = self.top()?;
        match &mut self.nodes[target.0] {
            Node::Object(object) if object.state.is_none() => object.state = Some(state),
            _ => return Err(Fault::Stack),
        }
        Ok(())
    }
}
