// Sixteen float lanes without any instruction set: C++ that every CPU runs, in quarters that GCC
// and clang turn into whatever four-lane instructions the target always has. What a function does
// is said here; the other simd_*.h give the same lanes (only rounding of Fma and order of the sums
// differ).
#pragma once

#include <cstdint>

namespace fairlead::cpu {
namespace {

struct Scalar {
  using Quarter = float __attribute__((vector_size(16)));
  using Bits = uint32_t __attribute__((vector_size(16)));
  struct F {
    Quarter q[4];
  };
  struct Codes {
    const uint8_t* bytes;
  };
  // Values of type F that a kernel may keep in registers at once while it streams two more.
  static constexpr int kAccumulators = 4;

  static F Load(const float* p) {
    F r;
    __builtin_memcpy(&r, p, sizeof(r));
    return r;
  }
  static void Store(float* p, F a) { __builtin_memcpy(p, &a, sizeof(a)); }
  // The first `count` lanes, 0 in the others; nothing beyond is touched.
  static F LoadPartial(const float* p, int count) {
    float lanes[16] = {};
    for (int i = 0; i < count; ++i) lanes[i] = p[i];
    return Load(lanes);
  }
  static void StorePartial(float* p, F a, int count) {
    float lanes[16];
    Store(lanes, a);
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
  }
  static F Set1(float a) {
    const Quarter q = {a, a, a, a};
    return {{q, q, q, q}};
  }
  static F Zero() { return Set1(0.0f); }
  // 0, 1, ... 15
  static F Iota() {
    const Quarter a = {0, 1, 2, 3}, b = {4, 5, 6, 7}, c = {8, 9, 10, 11}, d = {12, 13, 14, 15};
    return {{a, b, c, d}};
  }

  static F Add(F a, F b) {
    for (int i = 0; i < 4; ++i) a.q[i] += b.q[i];
    return a;
  }
  static F Sub(F a, F b) {
    for (int i = 0; i < 4; ++i) a.q[i] -= b.q[i];
    return a;
  }
  static F Mul(F a, F b) {
    for (int i = 0; i < 4; ++i) a.q[i] *= b.q[i];
    return a;
  }
  static F Div(F a, F b) {
    for (int i = 0; i < 4; ++i) a.q[i] /= b.q[i];
    return a;
  }
  // a * b + c. Rounded twice here, once where the CPU has a fused operation.
  static F Fma(F a, F b, F c) {
    for (int i = 0; i < 4; ++i) c.q[i] += a.q[i] * b.q[i];
    return c;
  }
  // b where either is NaN.
  static F Min(F a, F b) {
    for (int i = 0; i < 4; ++i) b.q[i] = a.q[i] < b.q[i] ? a.q[i] : b.q[i];
    return b;
  }
  static F Max(F a, F b) {
    for (int i = 0; i < 4; ++i) b.q[i] = a.q[i] > b.q[i] ? a.q[i] : b.q[i];
    return b;
  }
  static F Sqrt(F a) {
    for (int i = 0; i < 16; ++i) a.q[i / 4][i % 4] = __builtin_sqrtf(a.q[i / 4][i % 4]);
    return a;
  }
  // a < b ? yes : no
  static F SelectLess(F a, F b, F yes, F no) {
    for (int i = 0; i < 4; ++i) no.q[i] = a.q[i] < b.q[i] ? yes.q[i] : no.q[i];
    return no;
  }
  // The float whose bits are (bits of a + add) << 23.
  static F ShiftToExponent(F a, int add) {
    for (int i = 0; i < 4; ++i) {
      const Bits bits = (reinterpret_cast<Bits>(a.q[i]) + static_cast<uint32_t>(add)) << 23;
      a.q[i] = reinterpret_cast<Quarter>(bits);
    }
    return a;
  }
  static float ReduceAdd(F a) {
    const Quarter s = (a.q[0] + a.q[1]) + (a.q[2] + a.q[3]);
    return (s[0] + s[1]) + (s[2] + s[3]);
  }
  static float ReduceMax(F a) {
    float best = a.q[0][0];
    for (int i = 1; i < 16; ++i) best = a.q[i / 4][i % 4] > best ? a.q[i / 4][i % 4] : best;
    return best;
  }

  // The 32 lanes of a, then b: those with even and those with odd numbers.
  static void Deinterleave(F a, F b, F& even, F& odd) {
    const F in[2] = {a, b};
    for (int i = 0; i < 16; ++i) {
      const F& from = in[i / 8];
      const int lane = i % 8 * 2;
      even.q[i / 4][i % 4] = from.q[lane / 4][lane % 4];
      odd.q[i / 4][i % 4] = from.q[lane / 4][lane % 4 + 1];
    }
  }

  // 16 bfloat16 (32 bytes).
  static F LoadBf16(const uint8_t* p) {
    uint16_t halves[16];
    __builtin_memcpy(halves, p, sizeof(halves));
    uint32_t bits[16];
    for (int i = 0; i < 16; ++i) bits[i] = static_cast<uint32_t>(halves[i]) << 16;
    F r;
    __builtin_memcpy(&r, bits, sizeof(r));
    return r;
  }
  // 16 bytes, each two e2m1 codes; the values of their low halves, and of their high halves.
  static Codes LoadCodes(const uint8_t* p) { return {p}; }
  static F LowE2m1(Codes codes) {
    float lanes[16];
    for (int i = 0; i < 16; ++i) lanes[i] = kE2m1[codes.bytes[i] & 15];
    return Load(lanes);
  }
  static F HighE2m1(Codes codes) {
    float lanes[16];
    for (int i = 0; i < 16; ++i) lanes[i] = kE2m1[codes.bytes[i] >> 4];
    return Load(lanes);
  }
  // 16 e8m0 codes: 2^(code - 127), of which code 0 is a subnormal number. Code 255 (NaN) is refused
  // when a checkpoint is read; here it gives infinity.
  static F LoadE8m0(const uint8_t* p) {
    uint32_t bits[16];
    for (int i = 0; i < 16; ++i) bits[i] = p[i] == 0 ? 0x00400000u : uint32_t{p[i]} << 23;
    F r;
    __builtin_memcpy(&r, bits, sizeof(r));
    return r;
  }

 private:
  static constexpr float kE2m1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                      -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
};

}  // namespace
}  // namespace fairlead::cpu
