#include "graph/parameter.h"

#include <utility>

#include "base/dtype.h"

namespace fairlead {

std::string_view TransformName(Transform transform) {
  switch (transform) {
    case Transform::kIdentity:
      return "identity";
    case Transform::kTranspose:
      return "transpose";
    case Transform::kMxfp4:
      return "mxfp4";
  }
  return "?";
}

Shape Parameter::whole_shape() const {
  if (axes.empty()) return shape;
  Shape whole;
  for (const Axis& axis : axes) whole.push_back(axis.size);
  return whole;
}

Shape SourceShape(const Parameter& parameter, const ParameterSource& source, size_t index) {
  Shape shape = parameter.whole_shape();
  switch (source.transform) {
    case Transform::kIdentity:
      break;
    case Transform::kTranspose:
      std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
      break;
    case Transform::kMxfp4:
      shape.back() /= kMxfp4Block;
      if (index == 0) shape.push_back(kMxfp4Block / 2);
      break;
  }
  return shape;
}

}  // namespace fairlead
