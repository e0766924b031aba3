#pragma once

namespace fairlead::cpu {
namespace {

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2. The polynomial is Cephes' expf
// (S. Moshier, netlib.org/cephes); the whole is wrong by less than 2 units in the last place. Below
// -86.6 the result is 0, above 88.73 infinity, NaN stays NaN.
template <class V>
inline typename V::F Exp(typename V::F x) {
  using F = typename V::F;
  constexpr float kLowest = -86.6f;
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const F in = V::Max(V::Set1(-87.0f), V::Min(V::Set1(89.0f), x));
  const F shifted = V::Fma(in, V::Set1(1.44269504088896341f), V::Set1(kMagic));
  const F n = V::Sub(shifted, V::Set1(kMagic));
  F r = V::Fma(n, V::Set1(-0.693359375f), in);
  r = V::Fma(n, V::Set1(2.12194440e-4f), r);
  F p = V::Fma(V::Set1(1.9875691500e-4f), r, V::Set1(1.3981999507e-3f));
  p = V::Fma(p, r, V::Set1(8.3334519073e-3f));
  p = V::Fma(p, r, V::Set1(4.1665795894e-2f));
  p = V::Fma(p, r, V::Set1(1.6666665459e-1f));
  p = V::Fma(p, r, V::Set1(5.0000001201e-1f));
  p = V::Add(V::Fma(p, V::Mul(r, r), r), V::Set1(1.0f));
  // The low bits of `shifted` hold n; 2^n is applied as 2 * 2^(n - 1), because 2^128 is no float.
  const F power = V::ShiftToExponent(shifted, 126);
  return V::SelectLess(x, V::Set1(kLowest), V::Zero(), V::Mul(V::Add(p, p), power));
}

}  // namespace
}  // namespace fairlead::cpu
