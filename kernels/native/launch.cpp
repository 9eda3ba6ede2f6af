// Starts what cuda.py wrote where XLA wants it. HOST: on threads of this processor; else on a GPU, by CUDA's driver,
// which is loaded when it is first needed: to build this takes XLA's header and no CUDA.
#include <dlfcn.h>
#include <xla/ffi/api/ffi.h>

#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ffi = xla::ffi;
static std::mutex one_at_a_time;

// struct Run of cuda.h: arguments, outputs (the last two are the kernel's memory), futures, and room for the first
static std::vector<void*> run_of(ffi::RemainingArgs args, ffi::RemainingRets outs, int64_t futures) {
  std::vector<void*> run;
  for (size_t i = 0; i < args.size(); ++i) run.push_back(args.get<ffi::AnyBuffer>(i)->untyped_data());
  for (size_t i = 0; i < outs.size(); ++i) run.push_back((*outs.get<ffi::AnyBuffer>(i))->untyped_data());
  run.push_back((void*)futures);
  run.push_back(nullptr);
  return run;
}

#if defined(HOST)
static ffi::Error launch(ffi::RemainingArgs args, ffi::RemainingRets outs, std::string_view file, int64_t futures,
                         int64_t threads, int64_t, int64_t) {
  std::lock_guard<std::mutex> lock(one_at_a_time);  // the block's memory is one array
  void* library = dlopen(std::string(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  auto* play = library ? (void (*)(const void*, int))dlsym(library, "play_on_host") : nullptr;
  if (!play) return ffi::Error::Internal(dlerror());
  play(run_of(args, outs, futures).data(), threads);
  return ffi::Error::Success();
}
#define STREAM
#else
static void* driver(const char* name) {
  static void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
  return library ? dlsym(library, name) : nullptr;
}

// 0, or what the driver (whose functions all return a number) said; -1 where the function is missing
template <class... T> static int ask(const char* name, T... given) {
  auto* call = (int (*)(T...))driver(name);
  return call ? call(given...) : -1;
}

static ffi::Error failed(const std::string& what, int code) {
  return ffi::Error::Internal("CUDA's driver: " + what + ": error " + std::to_string(code));
}

static ffi::Error launch(void* stream, ffi::RemainingArgs args, ffi::RemainingRets outs, std::string_view file,
                         int64_t futures, int64_t threads, int64_t blocks, int64_t chip) {
  struct Kernels {
    void *once, *play;
  };
  static std::map<std::pair<void*, std::string>, Kernels> loaded;
  void* context = nullptr;
  if (int code = ask("cuStreamGetCtx", stream, &context)) return failed("cuStreamGetCtx", code);
  if (int code = ask("cuCtxPushCurrent_v2", context)) return failed("cuCtxPushCurrent", code);
  struct Pop {
    ~Pop() {
      void* old;
      ask("cuCtxPopCurrent_v2", &old);
    }
  } pop;
  Kernels kernels;
  {
    std::lock_guard<std::mutex> lock(one_at_a_time);
    auto key = std::make_pair(context, std::string(file));
    if (!loaded.count(key)) {
      std::ifstream input(key.second, std::ios::binary);
      const std::string image{std::istreambuf_iterator<char>(input), {}};
      const int opt_in = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
      void* module = nullptr;
      if (int code = ask("cuModuleLoadData", &module, (const void*)image.data())) return failed(key.second, code);
      for (auto [to, name] : {std::make_pair(&kernels.once, "once"), std::make_pair(&kernels.play, "play")}) {
        if (int code = ask("cuModuleGetFunction", to, module, name)) return failed(name, code);
        if (int code = ask("cuFuncSetAttribute", *to, opt_in, (int)chip)) return failed("shared memory", code);
      }
      loaded[key] = kernels;
    }
    kernels = loaded[key];
  }
  std::vector<void*> run = run_of(args, outs, futures);
  size_t bytes = run.size() * sizeof(void*);
  void* extra[] = {(void*)1, run.data(), (void*)2, &bytes, nullptr};  // CU_LAUNCH_PARAM_BUFFER_POINTER, .._SIZE, .._END
  for (auto [kernel, count] : {std::make_pair(kernels.once, 1u), std::make_pair(kernels.play, (unsigned)blocks)}) {
    int code = ask("cuLaunchKernel", kernel, count, 1u, 1u, (unsigned)threads, 1u, 1u, (unsigned)chip, stream,
                   (void**)nullptr, (void**)extra);
    if (code) return failed("cuLaunchKernel", code);
  }
  return ffi::Error::Success();
}
#define STREAM .Ctx<ffi::PlatformStream<void*>>()
#endif

XLA_FFI_DEFINE_HANDLER_SYMBOL(launch_on_xla, launch,
                              ffi::Ffi::Bind() STREAM.RemainingArgs()
                                  .RemainingRets()
                                  .Attr<std::string_view>("file")
                                  .Attr<int64_t>("futures")
                                  .Attr<int64_t>("threads")
                                  .Attr<int64_t>("blocks")
                                  .Attr<int64_t>("chip"));
