// What prelude.h is to vectors, for one future played by the threads of a block: a lane is one number.
// Without CUDA the same text is built for this machine's processor, and a block is some of its threads.
#pragma once
#if defined(__CUDACC__)
extern __shared__ __align__(64) char chip[];
#define __builtin_inf() __builtin_bit_cast(double, 0x7ff0000000000000ULL)
#define __builtin_nan(text) __builtin_bit_cast(double, 0x7ff8000000000000ULL)
#else
#include <math.h>
#include <pthread.h>
#include <string.h>
#define __global__
#define __launch_bounds__(...)
struct Index {
  int x;
};
static Index blockIdx{0}, blockDim{1}, gridDim{1};
static thread_local Index threadIdx{0};
static pthread_barrier_t barrier;
alignas(64) static char chip[CHIP];
static inline void __syncthreads() { pthread_barrier_wait(&barrier); }
#endif
#if !defined(INT64_MIN)
#define INT64_MIN (-0x7fffffffffffffffLL - 1)
#define INT32_MIN (-0x7fffffff - 1)
#endif
#define W 1
#define INLINE static inline

typedef double f64;
typedef float f32;
typedef long long i64;
typedef unsigned long long u64;
typedef int i32;
typedef unsigned u32;

struct Run {
  const char* in[INS];     // arguments that futures share
  const char* each[EACH];  // one row per future
  char* out[OUTS];
  char* once;  // memory of what is made once, for all blocks
  char* own;   // memory of this block that does not fit on the chip
  long futures;
  long first;  // the future of this block
};

// Comparisons give whole words of ones, as those of vectors do.
template <class T> struct Word { typedef i64 kind; };
template <> struct Word<f32> { typedef i32 kind; };
template <> struct Word<i32> { typedef i32 kind; };
template <> struct Word<u32> { typedef i32 kind; };
template <class T> struct Lane {
  typedef T kind;
  T x;
  T& operator[](int) { return x; }
  T operator[](int) const { return x; }
  Lane operator-() const { return {T(-x)}; }
  Lane operator~() const { return {T(~x)}; }
  Lane& operator+=(Lane y) { return x += y.x, *this; }
};
typedef Lane<f64> f64v;
typedef Lane<f32> f32v;
typedef Lane<i64> i64v;
typedef Lane<u64> u64v;
typedef Lane<i32> i32v;
typedef Lane<u32> u32v;

#define INFIX(op) \
  template <class T> INLINE Lane<T> operator op(Lane<T> a, Lane<T> b) { return {T(a.x op b.x)}; }
#define COMPARE(op)                                                                              \
  template <class T> INLINE Lane<typename Word<T>::kind> operator op(Lane<T> a, Lane<T> b) {     \
    return {-(typename Word<T>::kind)(a.x op b.x)};                                              \
  }
INFIX(+) INFIX(-) INFIX(*) INFIX(/) INFIX(%) INFIX(&) INFIX(|) INFIX(^) INFIX(<<) INFIX(>>)
COMPARE(==) COMPARE(!=) COMPARE(<) COMPARE(<=) COMPARE(>) COMPARE(>=)
template <class T> INLINE Lane<typename Word<T>::kind> operator<(Lane<T> a, int b) { return a < Lane<T>{T(b)}; }

template <class V, class T> INLINE V splat(T x) { return {(typename V::kind)x}; }
template <class V> INLINE V load(const char* p, long i) { return ((const V*)p)[i]; }
template <class V> INLINE void store(char* p, long i, V x) { ((V*)p)[i] = x; }
INLINE i64v load_mask64(const char* p, long i) { return {-(i64)((const bool*)p)[i]}; }
template <class M> INLINE void store_mask(char* p, long i, M m) { ((bool*)p)[i] = m.x != 0; }
template <class M> INLINE i64v wide(M m) { return {m.x}; }
template <class M> INLINE i32v narrow(M m) { return {(i32)m.x}; }
template <class M> INLINE M negate(M m) { return ~m; }
template <> inline bool negate(bool m) { return !m; }
template <class M> INLINE bool any(M m) { return m.x != 0; }
template <class T> INLINE T pick(bool m, T yes, T no) { return m ? yes : no; }
template <class M, class V> INLINE V pick(M m, V yes, V no) { return m.x ? yes : no; }

#define BY_LANE(name, type, what) \
  INLINE type name(type x) { return what; } \
  INLINE Lane<type> name(Lane<type> x) { return {name(x.x)}; }
#define BY_LANE_2(name, type, what) \
  INLINE type name(type x, type y) { return what; } \
  INLINE Lane<type> name(Lane<type> x, Lane<type> y) { return {name(x.x, y.x)}; }
#define OF_EVERY_KIND(f) f(f64) f(f32) f(i64) f(u64) f(i32) f(u32)
#define ORDER(type)                          \
  BY_LANE(magnitude, type, x < 0 ? -x : x)   \
  BY_LANE_2(higher, type, x > y ? x : y)     \
  BY_LANE_2(lower, type, x < y ? x : y)
OF_EVERY_KIND(ORDER)
#define LIBRARY(name, call) BY_LANE(name, f64, call(x)) BY_LANE(name, f32, call##f(x))
LIBRARY(floor_, floor) LIBRARY(ceil_, ceil) LIBRARY(nearest, rint) LIBRARY(sqrt_, sqrt)
LIBRARY(exp_, exp) LIBRARY(log_, log) LIBRARY(log1p_, log1p) LIBRARY(expm1_, expm1) LIBRARY(tanh_, tanh)
LIBRARY(erf_, erf) LIBRARY(erfc_, erfc) LIBRARY(lgamma_, lgamma)
BY_LANE_2(pow_, f64, pow(x, y)) BY_LANE_2(pow_, f32, powf(x, y))
BY_LANE_2(fmod_, f64, fmod(x, y)) BY_LANE_2(fmod_, f32, fmodf(x, y))

template <class T, class V> INLINE T convert(V x) { return (T)x; }
template <class T, class V> INLINE T convert_lanes(V x) { return {(typename T::kind)x.x}; }
template <class T, class V> INLINE T bits(V x) {
  T r;
  memcpy(&r, &x, sizeof r);
  return r;
}

#if !defined(__CUDACC__)
struct Thread {
  void (*kernel)(Run);
  const Run* run;
  int index;
  pthread_t id;
};
static void* begin(void* given) {
  const Thread& one = *(Thread*)given;
  threadIdx.x = one.index;
  one.kernel(*one.run);
  return nullptr;
}
// One block of so many threads, 64 at most.
static void on_host(void (*kernel)(Run), const Run& r, int threads) {
  Thread all[64];
  blockDim.x = threads;
  pthread_barrier_init(&barrier, nullptr, threads);
  for (int i = 0; i < threads; ++i) all[i] = {kernel, &r, i}, pthread_create(&all[i].id, nullptr, begin, &all[i]);
  for (int i = 0; i < threads; ++i) pthread_join(all[i].id, nullptr);
  pthread_barrier_destroy(&barrier);
}
#endif
