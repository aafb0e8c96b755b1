#include <cstring>

#include "tensor/arena.h"
#include "tensor/device.h"

namespace tutti {
namespace {

class CpuMemory : public DeviceMemory {
 public:
  CpuMemory(Arena arena, MemorySpace space) : arena_(std::move(arena)), space_(space) {}
  void* data() const override { return arena_.data(); }
  uint64_t bytes() const override { return arena_.bytes(); }
  MemorySpace space() const override { return space_; }

 private:
  Arena arena_;
  MemorySpace space_;
};

// What precedes record() is done when record() is called, so an event has no state.
class CpuEvent : public Event {
 public:
  bool done() const override { return true; }
  Status synchronize() override { return {}; }
};

class CpuStream : public Stream {
 public:
  void copy(void* to, const void* from, uint64_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void fill_zero(void* to, uint64_t bytes) override {
    if (bytes > 0) std::memset(to, 0, bytes);
  }
  void host_call(std::function<void()> fn) override { fn(); }
  void record(Event&) override {}
  void wait(const Event&) override {}
  Status synchronize() override { return {}; }
};

class CpuDevice : public Device {
 public:
  explicit CpuDevice(CpuDeviceOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "cpu"; }

  Result<std::unique_ptr<DeviceMemory>> allocate(MemorySpace space, uint64_t bytes) override {
    TUTTI_ASSIGN(Arena arena, Arena::create(bytes));
    arena.first_touch(options_.threads);
    return std::unique_ptr<DeviceMemory>(new CpuMemory(std::move(arena), space));
  }

  Result<std::unique_ptr<Stream>> create_stream() override {
    return std::unique_ptr<Stream>(new CpuStream());
  }

  Result<std::unique_ptr<Event>> create_event() override {
    return std::unique_ptr<Event>(new CpuEvent());
  }

 private:
  CpuDeviceOptions options_;
};

}  // namespace

std::string_view memory_space_name(MemorySpace space) {
  switch (space) {
    case MemorySpace::kDevice:
      return "device";
    case MemorySpace::kHost:
      return "host";
    case MemorySpace::kPinned:
      return "pinned";
  }
  return "unknown";
}

std::unique_ptr<Device> make_cpu_device(CpuDeviceOptions options) {
  return std::make_unique<CpuDevice>(std::move(options));
}

}  // namespace tutti
