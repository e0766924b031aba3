// Sixteen float lanes in two AVX2 registers. See simd_scalar.h for what each function does.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace fairlead::cpu {
namespace {

struct Avx2 {
  struct F {
    __m256 a, b;
  };
  // Read again for each half: registers are scarcer than loads.
  struct Codes {
    const uint8_t* bytes;
  };
  static constexpr int kAccumulators = 6;  // pairs, of 16 registers

  static F Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void Store(float* p, F x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
  }
  static F LoadPartial(const float* p, int count) {
    float lanes[16] = {};
    for (int i = 0; i < count; ++i) lanes[i] = p[i];
    return Load(lanes);
  }
  static void StorePartial(float* p, F x, int count) {
    float lanes[16];
    Store(lanes, x);
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
  }
  static F Set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F Iota() {
    return {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15)};
  }

  static F Add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static F Sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
  static F Mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static F Div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
  static F Fma(F x, F y, F z) {
    return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
  }
  static F Min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static F Max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static F Sqrt(F x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
  static F SelectLess(F x, F y, F yes, F no) {
    return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)),
            _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
  }
  static F ShiftToExponent(F x, int add) { return {ShiftHalf(x.a, add), ShiftHalf(x.b, add)}; }
  static float ReduceAdd(F x) {
    const __m256 eight = _mm256_add_ps(x.a, x.b);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
  }
  static float ReduceMax(F x) {
    const __m256 eight = _mm256_max_ps(x.a, x.b);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_shuffle_ps(four, four, 1)));
  }

  static void Deinterleave(F x, F y, F& even, F& odd) {
    SplitPairs(x.a, x.b, even.a, odd.a);
    SplitPairs(y.a, y.b, even.b, odd.b);
  }

  static F LoadBf16(const uint8_t* p) { return {Bf16Half(p), Bf16Half(p + 16)}; }
  static Codes LoadCodes(const uint8_t* p) { return {p}; }
  static F LowE2m1(Codes codes) {
    const __m256i a = CodesHalf(codes.bytes), b = CodesHalf(codes.bytes + 8);
    return {E2m1Half(a, _mm256_slli_epi32(a, 28)), E2m1Half(b, _mm256_slli_epi32(b, 28))};
  }
  static F HighE2m1(Codes codes) {
    const __m256i a = CodesHalf(codes.bytes), b = CodesHalf(codes.bytes + 8);
    return {E2m1Half(_mm256_srli_epi32(a, 4), _mm256_slli_epi32(a, 24)),
            E2m1Half(_mm256_srli_epi32(b, 4), _mm256_slli_epi32(b, 24))};
  }
  static F LoadE8m0(const uint8_t* p) { return {E8m0Half(p), E8m0Half(p + 8)}; }

 private:
  static __m256 ShiftHalf(__m256 x, int add) {
    const __m256i bits = _mm256_add_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(add));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23));
  }
  // x0 y0 x1 y1 ... of two registers: the x of both, then the y of both.
  static void SplitPairs(__m256 first, __m256 second, __m256& even, __m256& odd) {
    even = OrderQuarters(_mm256_shuffle_ps(first, second, 0x88));
    odd = OrderQuarters(_mm256_shuffle_ps(first, second, 0xdd));
  }
  static __m256 OrderQuarters(__m256 x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
  }
  static __m256 Bf16Half(const uint8_t* p) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static __m256i CodesHalf(const uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  // The permutation reads the low three bits of a code; bit 3, the sign, has been shifted to bit 31
  // of `sign`.
  static __m256 E2m1Half(__m256i codes, __m256i sign) {
    const __m256 magnitudes = _mm256_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f);
    return _mm256_or_ps(_mm256_permutevar8x32_ps(magnitudes, codes),
                        _mm256_and_ps(_mm256_castsi256_ps(sign), _mm256_set1_ps(-0.0f)));
  }
  static __m256 E8m0Half(const uint8_t* p) {
    return _mm256_castsi256_ps(
        _mm256_max_epu32(_mm256_slli_epi32(CodesHalf(p), 23), _mm256_set1_epi32(0x00400000)));
  }
};

}  // namespace
}  // namespace fairlead::cpu
