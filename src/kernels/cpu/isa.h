// Which instance of the kernels a source file is being compiled as.
//
// TUTTI_ISA is the namespace under tutti::cpu: `oracle` (the default), or `portable`, `v3`, `v4`
// when CMake compiles a fast file once for each instruction set. A group's header declares its
// kernels once, in namespace tutti::cpu::TUTTI_ISA, with TUTTI_DECLARE_KERNEL, which takes the
// signature from the table in kernels.h: a definition that differs from it does not link. So a
// group is group.h (declarations), group_oracle.cc and group.cc (definitions, both in namespace
// tutti::cpu::TUTTI_ISA) and its lines in table.cc and CMakeLists.txt.
//
// A file compiled with wider instructions must not emit a function that the linker could merge
// with another file's (inline and template functions of the standard library): it uses raw loops,
// __builtin_* mathematics, functions of its own namespace and templates in an anonymous namespace.
#pragma once

#include <type_traits>

#include "kernels/cpu/kernels.h"

#ifndef TUTTI_ISA
#define TUTTI_ISA oracle
#define TUTTI_ISA_NAME "oracle"
#endif

#define TUTTI_DECLARE_KERNEL(kernel) std::remove_pointer_t<decltype(Kernels::kernel)> kernel

namespace tutti::cpu::TUTTI_ISA {

// Defined in table.cc. Filled at compile time, so reading it runs no code of this instruction set.
extern const Kernels kTable;

}  // namespace tutti::cpu::TUTTI_ISA
