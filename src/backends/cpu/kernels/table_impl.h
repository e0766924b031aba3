// Every kernel, and the table of them for one instruction set.
#pragma once

#include "backends/cpu/kernels/attention/attention_impl.h"
#include "backends/cpu/kernels/elementwise/elementwise_impl.h"
#include "backends/cpu/kernels/kernel_table.h"
#include "backends/cpu/kernels/matmul/matmul_impl.h"

namespace fairlead::cpu {
namespace {

template <class V>
constexpr KernelTable MakeTable() {
  return {
#define FAIRLEAD_KERNEL(Template, member, Arguments) &Template<V>,
#include "backends/cpu/kernels/kernels.def"
#undef FAIRLEAD_KERNEL
      TileRows<V>(),
  };
}

}  // namespace
}  // namespace fairlead::cpu
