// Where the parameters of a model lie in a program's persistent memory: by themselves or in
// buckets, whole or a range of them. What writes, reads and initialises them by their own names
// goes by this.
#pragma once

#include <string>
#include <vector>

#include "program/program.h"

namespace tutti {

struct StoredParameter {
  std::string name;      // of the model
  bool replica = false;  // another stage has the parameter, too, and saves it
  ValueType type;        // logical
  Placement placement;   // of what a rank's bucket holds of it, when whole
  std::string
      buffer;  // the persistent buffer: its own or a bucket; NAME.m and NAME.v are its state
  int64_t offset = 0;           // elements, in a rank's whole bucket
  int64_t bucket_elements = 0;  // of a rank's whole bucket; 0: the buffer is its own
};

// In order of the buffers. Those that only other stages hold are not among them.
std::vector<StoredParameter> stored_parameters(const Program& program);

// What one rank has of a parameter in a buffer: elements [begin, end) of its dense local part,
// which is `sizes` large and begins at `offsets` of the logical value.
struct StoredRange {
  std::vector<int64_t> sizes, offsets;
  int64_t begin = 0, end = 0;
  Location location;  // of element `begin`
  // Whether no rank of a lower number holds the same elements.
  bool first_replica = true;
};

// `buffer` is the parameter's, or one that lies like it (state, the settled gradient).
StoredRange stored_range(const Program& program, const StoredParameter& parameter,
                         const Buffer& buffer, int rank);

// The index in the logical value of element `local` of a rank's part, row-major over all of it.
int64_t logical_index(const StoredParameter& parameter, const StoredRange& range, int64_t local);

}  // namespace tutti
