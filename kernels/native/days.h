// Unlike prelude.h this needs the headers that JAX carries (jax.ffi.include_dir).
// A loop over days for groups of W futures, and the same loop played back from the states it kept, called by XLA.
// Arrays of futures are (group, .., lane) or (group, day, .., lane). Argument 0: groups, days, days in a block.
#pragma once
#include <vector>

#include "prelude.h"
#include "xla/ffi/api/c_api.h"

typedef void (*Play)(const Run& r, long t);
struct Stages {
  Play once, first, day, last;
  long varying, shared;  // bytes
};
struct Segment {
  long from, to, bytes;
};

struct Call {
  std::vector<char*> in, out;
  long groups, days, length, blocks;
  explicit Call(XLA_FFI_CallFrame* frame) {
    for (long i = 0; i < frame->args.size; ++i) in.push_back((char*)((XLA_FFI_Buffer*)frame->args.args[i])->data);
    for (long i = 0; i < frame->rets.size; ++i) out.push_back((char*)((XLA_FFI_Buffer*)frame->rets.rets[i])->data);
    const i64* extent = (const i64*)in[0];
    groups = extent[0], days = extent[1], length = extent[2], blocks = (days + length - 1) / length;
  }
  Run run(const Stages& stages, char*& scratch) const {
    Run r{};
    r.in = in.data(), r.out = out.data(), r.days = days;
    r.varying = scratch, r.shared = scratch + stages.varying;
    scratch += stages.varying + stages.shared;
    return r;
  }
};

// XLA asks every handler first which version of its interface it was compiled for.
static bool told_version(XLA_FFI_CallFrame* frame) {
  auto* extension = frame->extension_start;
  if (!extension || extension->type != XLA_FFI_Extension_Metadata) return false;
  auto& version = ((XLA_FFI_Metadata_Extension*)extension)->metadata->api_version;
  version.major_version = XLA_FFI_API_MAJOR, version.minor_version = XLA_FFI_API_MINOR;
  return true;
}

// Results: those of the loop, the carries at the start of each block (group, block, bytes), scratch.
static XLA_FFI_Error* play(XLA_FFI_CallFrame* frame, const Stages& stages, long carried, bool keep) {
  if (told_version(frame)) return nullptr;
  Call call(frame);
  char *scratch = call.out.back(), *kept = call.out[call.out.size() - 2];
  Run r = call.run(stages, scratch);
  stages.once(r, 0);
  for (r.group = 0; r.group < call.groups; ++r.group) {
    stages.first(r, 0);
    for (long t = 0; t < call.days; ++t) {
      if (keep && t % call.length == 0) memcpy(kept, r.varying, carried), kept += carried;
      stages.day(r, t);
    }
    stages.last(r, 0);
  }
  return nullptr;
}

// The last argument is what `play` kept; the only result beside the derivatives is scratch.
static XLA_FFI_Error* play_back(XLA_FFI_CallFrame* frame, const Stages& again, const Stages& back, long carried,
                                const std::vector<Segment>& segments, long step) {
  if (told_version(frame)) return nullptr;
  Call call(frame);
  char* scratch = call.out.back();
  Run r = call.run(again, scratch), b = call.run(back, scratch);
  r.tape = b.tape = scratch, r.step = b.step = step;
  again.once(r, 0), back.once(b, 0);
  for (long group = 0; group < call.groups; ++group) {
    r.group = b.group = group;
    again.first(r, 0), back.first(b, 0);
    for (long block = call.blocks; block-- > 0;) {
      const char* kept = call.in.back() + (group * call.blocks + block) * carried;
      for (const Segment& s : segments) memcpy(r.varying + s.to, kept + s.from, s.bytes);
      long from = block * call.length, to = from + call.length < call.days ? from + call.length : call.days;
      r.from = b.from = from;
      for (long t = from; t < to; ++t) again.day(r, t);
      for (long t = to; t-- > from;) back.day(b, t);
    }
    back.last(b, 0);
  }
  return nullptr;
}
