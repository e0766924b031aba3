// The bytes of the KV cache: for every attention layer, pages of kPageTokens positions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/step_plan.h"

namespace fairlead::reference {

// Keys and values of one layer. A page takes memory from the first step that names it.
class KvLayer {
 public:
  KvLayer(int pages, int64_t row_floats)
      : row_floats_(row_floats), keys_(static_cast<size_t>(pages)), values_(keys_) {}

  void Touch(int32_t page) {
    const auto floats = static_cast<size_t>(kPageTokens * row_floats_);
    for (auto* pages : {&keys_, &values_}) (*pages)[static_cast<size_t>(page)].resize(floats);
  }
  // K or V of all kv heads at one position, [kv_heads * head_dim].
  std::span<float> key(int32_t page, int offset) { return Row(keys_, page, offset); }
  std::span<float> value(int32_t page, int offset) { return Row(values_, page, offset); }

 private:
  using Pages = std::vector<std::vector<float>>;
  std::span<float> Row(Pages& pages, int32_t page, int offset) const {
    return std::span(pages[static_cast<size_t>(page)])
        .subspan(static_cast<size_t>(offset * row_floats_), static_cast<size_t>(row_floats_));
  }

  int64_t row_floats_;
  Pages keys_;
  Pages values_;
};

// The page of `position` of span `span`.
inline int32_t PageOf(const PageTable& table, size_t span, int position) {
  return table.pages[static_cast<size_t>(table.offsets[span] + position / kPageTokens -
                                         table.first_page[span])];
}

}  // namespace fairlead::reference
