// Values of W futures side by side, in the vector extensions of GCC and Clang, and the same operations on one number.
#pragma once
#if defined(__AVX__) && W != 4
#error "four lanes fill a register of AVX"
#endif
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX__)
#include <immintrin.h>
#endif

typedef double f64v __attribute__((vector_size(8 * W), may_alias));
typedef float f32v __attribute__((vector_size(4 * W), may_alias));
typedef int64_t i64v __attribute__((vector_size(8 * W), may_alias));
typedef uint64_t u64v __attribute__((vector_size(8 * W), may_alias));
typedef int32_t i32v __attribute__((vector_size(4 * W), may_alias));
typedef uint32_t u32v __attribute__((vector_size(4 * W), may_alias));
typedef int8_t i8v __attribute__((vector_size(W), may_alias));
typedef double f64;
typedef float f32;
typedef int64_t i64;
typedef uint64_t u64;
typedef int32_t i32;
typedef uint32_t u32;

struct Run {
  const char* const* in;    // arguments that futures share
  const char* const* each;  // one value per future
  char* const* out;
  char* varying;  // memory of W futures
  char* shared;   // memory of what they share
  long first;     // future of the first lane
  // of a loop that is called with lanes innermost: days.h
  long group, days;
  char* tape;
  long from, step;  // the tape begins with this day; bytes of a day
};

#define INLINE static inline __attribute__((always_inline))
template <class V, class T> INLINE V splat(T x) { return x - V{}; }
template <class V> INLINE V load(const char* p, long i) { return ((const V*)p)[i]; }
template <class V> INLINE void store(char* p, long i, V x) { ((V*)p)[i] = x; }
// truth values: whole lanes of ones in registers, bytes in memory
INLINE i64v load_mask64(const char* p, long i) { return -__builtin_convertvector(((const i8v*)p)[i], i64v); }
INLINE void store_mask(char* p, long i, i64v m) { ((i8v*)p)[i] = -__builtin_convertvector(m, i8v); }
INLINE void store_mask(char* p, long i, i32v m) { ((i8v*)p)[i] = -__builtin_convertvector(m, i8v); }
INLINE i64v wide(i64v m) { return m; }
INLINE i64v wide(i32v m) { return __builtin_convertvector(m, i64v); }
INLINE i32v narrow(i32v m) { return m; }
INLINE i32v narrow(i64v m) { return __builtin_convertvector(m, i32v); }

template <class M, class V> INLINE V pick(M m, V yes, V no) { return m ? yes : no; }
INLINE i64v negate(i64v m) { return ~m; }
INLINE i32v negate(i32v m) { return ~m; }
INLINE bool negate(bool m) { return !m; }
template <class M> INLINE bool any(M m) {
  bool found = false;
  for (int w = 0; w < W; ++w) found |= m[w] != 0;
  return found;
}
#if defined(__AVX__)
template <> inline bool any(i64v m) { return _mm256_movemask_pd((__m256d)m); }
#endif

template <class V> INLINE V higher(V a, V b) { return a > b ? a : b; }
template <class V> INLINE V lower(V a, V b) { return a < b ? a : b; }

#if defined(__AVX__)
template <int HOW> INLINE f64v rounded(f64v x) { return (f64v)_mm256_round_pd((__m256d)x, HOW | _MM_FROUND_NO_EXC); }
template <int HOW> INLINE f32v rounded(f32v x) { return (f32v)_mm_round_ps((__m128)x, HOW | _MM_FROUND_NO_EXC); }
INLINE f64v floor_(f64v x) { return rounded<_MM_FROUND_TO_NEG_INF>(x); }
INLINE f32v floor_(f32v x) { return rounded<_MM_FROUND_TO_NEG_INF>(x); }
INLINE f64v ceil_(f64v x) { return rounded<_MM_FROUND_TO_POS_INF>(x); }
INLINE f32v ceil_(f32v x) { return rounded<_MM_FROUND_TO_POS_INF>(x); }
INLINE f64v nearest(f64v x) { return rounded<_MM_FROUND_TO_NEAREST_INT>(x); }
INLINE f32v nearest(f32v x) { return rounded<_MM_FROUND_TO_NEAREST_INT>(x); }
#endif

#define BY_LANE(name, call)                             \
  template <class V> INLINE V name(V x) {               \
    V r;                                                \
    for (int w = 0; w < W; ++w) r[w] = call(x[w]);      \
    return r;                                           \
  }                                                     \
  template <> inline double name(double x) { return call(x); } \
  template <> inline float name(float x) { return call(x); }
#if !defined(__AVX__)
BY_LANE(floor_, std::floor)
BY_LANE(ceil_, std::ceil)
BY_LANE(nearest, std::nearbyint)
#else
INLINE double floor_(double x) { return std::floor(x); }
INLINE float floor_(float x) { return std::floor(x); }
INLINE double ceil_(double x) { return std::ceil(x); }
INLINE float ceil_(float x) { return std::ceil(x); }
INLINE double nearest(double x) { return std::nearbyint(x); }
INLINE float nearest(float x) { return std::nearbyint(x); }
#endif
BY_LANE(sqrt_, std::sqrt)
BY_LANE(exp_, std::exp)
BY_LANE(log_, std::log)
BY_LANE(log1p_, std::log1p)
BY_LANE(expm1_, std::expm1)
BY_LANE(tanh_, std::tanh)
BY_LANE(erf_, std::erf)
BY_LANE(erfc_, std::erfc)
BY_LANE(lgamma_, std::lgamma)
#define BY_LANE_2(name, call)                                               \
  template <class V> INLINE V name(V x, V y) {                              \
    V r;                                                                    \
    for (int w = 0; w < W; ++w) r[w] = call(x[w], y[w]);                    \
    return r;                                                               \
  }                                                                         \
  template <> inline double name(double x, double y) { return call(x, y); } \
  template <> inline float name(float x, float y) { return call(x, y); }
BY_LANE_2(pow_, std::pow)
BY_LANE_2(fmod_, std::fmod)

INLINE f64v magnitude(f64v x) { return (f64v)((i64v)x & INT64_MAX); }
INLINE f32v magnitude(f32v x) { return (f32v)((i32v)x & INT32_MAX); }
INLINE double magnitude(double x) { return std::fabs(x); }
INLINE float magnitude(float x) { return std::fabs(x); }
template <class V> INLINE V magnitude(V x) { return x < 0 ? -x : x; }

template <class T> INLINE T convert(double x) { return (T)x; }
template <class T> INLINE T convert(float x) { return (T)x; }
template <class T> INLINE T convert(i64 x) { return (T)x; }
template <class T> INLINE T convert(u64 x) { return (T)x; }
template <class T> INLINE T convert(i32 x) { return (T)x; }
template <class T> INLINE T convert(u32 x) { return (T)x; }
template <class T, class V> INLINE T convert_lanes(V x) { return __builtin_convertvector(x, T); }
template <class T, class V> INLINE T bits(V x) {
  T r;
  memcpy(&r, &x, sizeof r);
  return r;
}
