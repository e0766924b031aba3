#include "backends/reference/reference_backend.h"

#include "backends/reference/executor.h"

namespace fairlead {
namespace {

class Reference : public Backend {
 public:
  std::string_view name() const override { return "reference"; }

  Layout ChooseLayout(const Parameter& parameter, StorageFormat format) const override {
    return PanelLayout(parameter, format);
  }

  Result<std::unique_ptr<Executor>> Load(std::shared_ptr<const Program> program,
                                         const ExecutorOptions& options) const override {
    return reference::CreateExecutor(std::move(program), options);
  }
};

}  // namespace

const Backend& ReferenceBackend() {
  static const Reference backend;
  return backend;
}

}  // namespace fairlead
