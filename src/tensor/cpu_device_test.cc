#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tensor/device.h"

namespace tutti {
namespace {

TEST(CpuDevice, AllocatesInEachSpace) {
  const auto device = make_cpu_device({.threads = 2});
  for (const MemorySpace space : {MemorySpace::kDevice, MemorySpace::kHost, MemorySpace::kPinned}) {
    const auto memory = device->allocate(space, 12345);
    ASSERT_TRUE(memory.ok()) << memory_space_name(space) << ": " << memory.message();
    EXPECT_EQ((*memory)->bytes(), 12345u);
    EXPECT_EQ((*memory)->space(), space);
    EXPECT_EQ(static_cast<char*>((*memory)->data())[12344], 0);
  }
}

TEST(CpuDevice, RefusesTooMuch) {
  const auto device = make_cpu_device({});
  EXPECT_EQ(device->allocate(MemorySpace::kHost, uint64_t{1} << 46).error().kind,
            ErrorKind::kResource);
}

TEST(CpuDevice, StreamRunsInOrder) {
  const auto device = make_cpu_device({});
  const auto memory = device->allocate(MemorySpace::kDevice, 8);
  const auto stream = device->create_stream();
  const auto event = device->create_event();
  ASSERT_TRUE(memory.ok() && stream.ok() && event.ok());
  char* const data = static_cast<char*>((*memory)->data());
  EXPECT_TRUE((*event)->done()) << "never recorded";
  std::vector<char> seen;
  (*stream)->copy(data, "abcdefg", 8);
  (*stream)->host_call([&] { seen.push_back(data[0]); });
  (*stream)->fill_zero(data, 8);
  (*stream)->record(**event);
  (*stream)->wait(**event);
  (*stream)->host_call([&] { seen.push_back(data[0]); });
  ASSERT_TRUE((*stream)->synchronize().ok());
  ASSERT_TRUE((*event)->synchronize().ok());
  EXPECT_EQ(seen, (std::vector<char>{'a', '\0'}));
}

}  // namespace
}  // namespace tutti
