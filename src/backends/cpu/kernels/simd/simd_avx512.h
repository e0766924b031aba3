// Sixteen float lanes in one AVX-512 register. See simd_scalar.h for what each function does.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace fairlead::cpu {
namespace {

struct Avx512 {
  using F = __m512;
  using Codes = __m512i;
  static constexpr int kAccumulators = 24;  // of 32 registers

  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F a) { _mm512_storeu_ps(p, a); }
  static F LoadPartial(const float* p, int count) {
    return _mm512_maskz_loadu_ps(FirstLanes(count), p);
  }
  static void StorePartial(float* p, F a, int count) {
    _mm512_mask_storeu_ps(p, FirstLanes(count), a);
  }
  static F Set1(float a) { return _mm512_set1_ps(a); }
  static F Zero() { return _mm512_setzero_ps(); }
  static F Iota() { return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Sqrt(F a) { return _mm512_sqrt_ps(a); }
  static F SelectLess(F a, F b, F yes, F no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
  }
  static F ShiftToExponent(F a, int add) {
    const __m512i bits = _mm512_add_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(add));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23));
  }
  static float ReduceAdd(F a) { return _mm512_reduce_add_ps(a); }
  static float ReduceMax(F a) { return _mm512_reduce_max_ps(a); }

  static void Deinterleave(F a, F b, F& even, F& odd) {
    const __m512i first =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    even = _mm512_permutex2var_ps(a, first, b);
    odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(1)), b);
  }

  static F LoadBf16(const uint8_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static Codes LoadCodes(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // The permutation reads the low four bits of an index only, so no mask is needed.
  static F LowE2m1(Codes codes) {
    const __m512 values = _mm512_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f, -0.0f,
                                         -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f);
    return _mm512_permutexvar_ps(codes, values);
  }
  static F HighE2m1(Codes codes) { return LowE2m1(_mm512_srli_epi32(codes, 4)); }
  static F LoadE8m0(const uint8_t* p) {
    return _mm512_castsi512_ps(
        _mm512_max_epu32(_mm512_slli_epi32(LoadCodes(p), 23), _mm512_set1_epi32(0x00400000)));
  }

 private:
  static __mmask16 FirstLanes(int count) { return static_cast<__mmask16>((1u << count) - 1u); }
};

}  // namespace
}  // namespace fairlead::cpu
