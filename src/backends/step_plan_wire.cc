#include "backends/step_plan_wire.h"

#include <cstring>
#include <type_traits>

namespace fairlead {
namespace {

static_assert(sizeof(Span) == 3 * sizeof(int32_t) && std::is_trivially_copyable_v<Span>);

// Tells a plan from anything else.
constexpr uint32_t kMagic = 0x314c5046;  // "FPL1"

class Writer {
 public:
  void Number(size_t value) {
    const auto word = static_cast<uint32_t>(value);
    Append(&word, sizeof(word));
  }

  template <typename T>
  void List(const std::vector<T>& list) {
    Number(list.size());
    Append(list.data(), list.size() * sizeof(T));
  }

  std::vector<std::byte> bytes;

 private:
  void Append(const void* data, size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  }
};

// Reads what Writer writes. Never makes a list longer than the bytes that are left.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t left() const { return bytes_.size(); }

  Result<uint32_t> Number() {
    uint32_t word = 0;
    if (left() < sizeof(word)) return Short("a number", sizeof(word));
    std::memcpy(&word, bytes_.data(), sizeof(word));
    bytes_ = bytes_.subspan(sizeof(word));
    return word;
  }

  // The length of a list whose elements take at least `element` bytes each.
  Result<size_t> Length(size_t element) {
    FAIRLEAD_ASSIGN_OR_RETURN(const size_t length, Number());
    if (length > left() / element) return Short("a list", length * element);
    return length;
  }

  template <typename T>
  Status List(std::vector<T>& list) {
    FAIRLEAD_ASSIGN_OR_RETURN(const size_t length, Length(sizeof(T)));
    list.resize(length);
    const size_t size = length * sizeof(T);
    if (size > 0) std::memcpy(list.data(), bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return {};
  }

 private:
  tl::unexpected<Error> Short(std::string_view what, size_t wanted) const {
    return Fail(ErrorCode::kInvalidData, "step plan", "{}: expected {} bytes, got {}", what, wanted,
                left());
  }

  std::span<const std::byte> bytes_;
};

}  // namespace

std::vector<std::byte> SerialisePlan(const StepPlan& plan) {
  Writer writer;
  writer.Number(kMagic);
  writer.List(plan.spans);
  writer.List(plan.token_ids);
  writer.List(plan.output_rows);
  writer.Number(plan.pages.size());
  for (const PageTable& table : plan.pages) {
    writer.List(table.first_page);
    writer.List(table.offsets);
    writer.List(table.pages);
  }
  return std::move(writer.bytes);
}

Result<StepPlan> ParsePlan(std::span<const std::byte> bytes) {
  constexpr size_t kSmallestTable = 3 * sizeof(uint32_t);
  Reader reader(bytes);
  StepPlan plan;
  FAIRLEAD_ASSIGN_OR_RETURN(const uint32_t magic, reader.Number());
  if (magic != kMagic) {
    return Fail(ErrorCode::kInvalidData, "step plan", "begin: expected {:#x}, got {:#x}", kMagic,
                magic);
  }
  FAIRLEAD_RETURN_IF_ERROR(reader.List(plan.spans));
  FAIRLEAD_RETURN_IF_ERROR(reader.List(plan.token_ids));
  FAIRLEAD_RETURN_IF_ERROR(reader.List(plan.output_rows));
  FAIRLEAD_ASSIGN_OR_RETURN(const size_t tables, reader.Length(kSmallestTable));
  plan.pages.resize(tables);
  for (PageTable& table : plan.pages) {
    FAIRLEAD_RETURN_IF_ERROR(reader.List(table.first_page));
    FAIRLEAD_RETURN_IF_ERROR(reader.List(table.offsets));
    FAIRLEAD_RETURN_IF_ERROR(reader.List(table.pages));
  }
  if (reader.left() != 0) {
    return Fail(ErrorCode::kInvalidData, "step plan", "end: expected no more bytes, got {}",
                reader.left());
  }
  return plan;
}

}  // namespace fairlead
