#include "backends/cpu/cpu_backend.h"

#include "backends/cpu/executor.h"

namespace fairlead {
namespace {

class Cpu final : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }
  Layout ChooseLayout(const Parameter& parameter, StorageFormat format) const override {
    return PanelLayout(parameter, format);
  }
  Result<std::unique_ptr<Executor>> Load(std::shared_ptr<const Program> program,
                                         const ExecutorOptions& options) const override {
    return cpu::CreateExecutor(std::move(program), options);
  }
};

}  // namespace

const Backend& CpuBackend() {
  static const Cpu backend;
  return backend;
}

}  // namespace fairlead
