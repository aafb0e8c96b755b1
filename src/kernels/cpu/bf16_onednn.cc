#include "kernels/cpu/bf16_onednn.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "kernels/cpu/onednn_threads.h"

namespace tutti::cpu {
namespace {

using dnnl::memory;

memory::desc matrix(int64_t rows, int64_t columns, memory::data_type type, bool transposed) {
  const memory::dims strides = transposed ? memory::dims{1, rows} : memory::dims{columns, 1};
  return {{rows, columns}, type, strides};
}

// oneDNN keeps what it compiled for a shape and thread count, so that making this again is cheap.
dnnl::matmul::primitive_desc describe(const Bf16Product& p, const dnnl::engine& engine) {
  dnnl::post_ops add;
  add.append_sum(1.0f);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(add);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::desc desc(matrix(p.m, p.k, memory::data_type::bf16, false),
                                matrix(p.k, p.n, memory::data_type::bf16, true),
                                matrix(p.m, p.n, memory::data_type::f32, false));
  return {desc, attributes, engine};
}

void* mutable_pointer(const void* data) { return const_cast<void*>(data); }

}  // namespace

bool onednn_has_amx() {
  return dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_amx;
}

size_t onednn_bf16_workspace_bytes(const Bf16Product& p, int threads) {
  const OnednnThreads scope(threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return describe(p, engine).scratchpad_desc().get_size();
}

void onednn_add_bf16_products(const Bf16Product& p, void* workspace, int threads) {
  const OnednnThreads scope(threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const dnnl::matmul::primitive_desc desc = describe(p, engine);
  const dnnl::matmul primitive(desc);
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_WEIGHTS, memory(desc.weights_desc(), engine, mutable_pointer(p.w_nk))},
      {DNNL_ARG_DST, memory(desc.dst_desc(), engine, p.y_mn)},
      {DNNL_ARG_SCRATCHPAD, memory(desc.scratchpad_desc(), engine, workspace)}};
  for (int64_t term = 0; term < p.terms; ++term) {
    const uint16_t* x = p.x_tmk + term * p.m * p.k;
    arguments[DNNL_ARG_SRC] = memory(desc.src_desc(), engine, mutable_pointer(x));
    primitive.execute(stream, arguments);
  }
  stream.wait();
}

}  // namespace tutti::cpu
