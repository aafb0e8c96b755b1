// The device interface: memory, streams and events, in the terms of CUDA, which the CPU implements
// too. Kernels are enqueued on a stream by the backend that owns both.
//
// A Device is thread-safe; a Stream or Event is used by one thread at a time. Memory, streams and
// events must not outlive their device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

// Files are another thing: they have no address (tensor/offload_store.h).
enum class MemorySpace : uint8_t { kDevice, kHost, kPinned };

std::string_view memory_space_name(MemorySpace space);  // "device", "host", "pinned"

// A region of memory; freed at destruction.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual void* data() const = 0;  // an address of the device in kDevice; null when empty
  virtual uint64_t bytes() const = 0;
  virtual MemorySpace space() const = 0;
};

// A point in a stream's order.
class Event {
 public:
  virtual ~Event() = default;
  // Whether the work before the last record() is done; true when never recorded, as in CUDA.
  virtual bool done() const = 0;
  // Blocks until done().
  virtual Status synchronize() = 0;
};

// Work in order. What is enqueued may run later; its failure is reported by synchronize().
class Stream {
 public:
  virtual ~Stream() = default;
  // Ranges must not overlap and must stay until the copy is done.
  virtual void copy(void* to, const void* from, uint64_t bytes) = 0;
  virtual void fill_zero(void* to, uint64_t bytes) = 0;
  // Runs `fn` on the host when all earlier work is done. It must not call the device.
  virtual void host_call(std::function<void()> fn) = 0;
  virtual void record(Event& event) = 0;
  // Later work waits for the event's last record(), of any stream of this device.
  virtual void wait(const Event& event) = 0;
  virtual Status synchronize() = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;
  // Zeros. kResource, before anything is taken, when there is not enough.
  virtual Result<std::unique_ptr<DeviceMemory>> allocate(MemorySpace space, uint64_t bytes) = 0;
  virtual Result<std::unique_ptr<Stream>> create_stream() = 0;
  virtual Result<std::unique_ptr<Event>> create_event() = 0;
};

struct CpuDeviceOptions {
  int threads = 1;  // that touch new memory first
};

// The CPU: each call of a stream is done when it returns. kDevice, kHost and kPinned are the same.
std::unique_ptr<Device> make_cpu_device(CpuDeviceOptions options);

}  // namespace tutti
