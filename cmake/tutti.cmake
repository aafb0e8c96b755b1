# How a folder of src/ becomes a target.
#
#   tutti_folder(data SOURCES tokenizer.cc ... TESTS tokenizer_test.cc ... DEPS base tensor LIBS PCRE2)
#
# makes the library tutti_data (alias-free, static), which links the named folders and nothing else
# of the project, and, when TESTS is given, the program data_test, registered with CTest under the
# label "fast" unless a test file is also named in SLOW_TESTS. CONTROL marks a folder that does no
# work by element, and TOGETHER one whose sources are compiled several at a time all the same. APART
# names sources and tests that are never compiled together with others.

find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
# Open MPI; with MPICH: -DMPI_C_COMPILER=mpicc.mpich -DMPIEXEC_EXECUTABLE=/usr/bin/mpiexec.mpich.
if(TUTTI_MPI)
  find_package(MPI COMPONENTS C)
endif()

add_library(tutti_flags INTERFACE)
target_include_directories(tutti_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(tutti_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wno-unused-parameter -Werror=return-type -ffp-contract=off
  $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi -Wno-maybe-uninitialized>)
# Files that are compiled together fit in memory; GCC need not stop to collect garbage.
target_compile_options(tutti_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=524288>)
target_compile_definitions(tutti_flags INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(tutti_flags INTERFACE Threads::Threads fmt::fmt)
# gold links in a third of the time of ld.
find_program(TUTTI_GOLD ld.gold)
target_link_options(tutti_flags INTERFACE $<$<BOOL:${TUTTI_GOLD}>:-fuse-ld=gold>)
if(TUTTI_SANITIZE)
  # Checks of every pointer take a third of the time to compile; "check_sanitize whole" has them.
  target_compile_options(tutti_flags INTERFACE
    -fsanitize=${TUTTI_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=null,alignment>)
  target_link_options(tutti_flags INTERFACE -fsanitize=${TUTTI_SANITIZE})
endif()

# What CTest sets for every test. Threads that spin at a barrier starve each other where tests share
# cores.
set(tutti_test_environment OMP_WAIT_POLICY=passive)
if(TUTTI_SANITIZE STREQUAL "thread" AND OpenMP_omp_LIBRARY)
  # libarcher tells the sanitizer how OpenMP's own, uninstrumented, runtime synchronises.
  get_filename_component(openmp_directory "${OpenMP_omp_LIBRARY}" DIRECTORY)
  find_library(TUTTI_ARCHER archer HINTS ${openmp_directory} REQUIRED)
  list(APPEND tutti_test_environment
    TSAN_OPTIONS=ignore_noninstrumented_modules=1 OMP_TOOL_LIBRARIES=${TUTTI_ARCHER})
endif()

# Tests spend their time in the libraries; what is compiled of them runs once. GCC reads a precompiled
# header of tests only at the same level.
function(tutti_compile_test target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
endfunction()

# The headers that nearly every file reads, parsed once: for the libraries, and with GoogleTest for the
# tests. Sources include what they use all the same, and build without this (TUTTI_PRECOMPILE off).
option(TUTTI_PRECOMPILE "Parse common headers once" ON)
if(TUTTI_PRECOMPILE)
  set(common_headers <algorithm> <array> <cstdint> <functional> <map> <memory> <optional> <span>
    <string> <string_view> <unordered_map> <variant> <vector> <fmt/format.h>)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
  set(users library test)
  if(TUTTI_FUZZ)
    list(APPEND users fuzzed)
  endif()
  foreach(user ${users})
    set(precompiled tutti_precompiled_${user})
    add_library(${precompiled} STATIC ${CMAKE_BINARY_DIR}/precompiled.cc)
    target_link_libraries(${precompiled} PRIVATE tutti_flags OpenMP::OpenMP_CXX)
    target_precompile_headers(${precompiled} PRIVATE ${common_headers})
  endforeach()
  target_link_libraries(tutti_precompiled_test PRIVATE GTest::gtest)
  tutti_compile_test(tutti_precompiled_test)
  target_precompile_headers(tutti_precompiled_test PRIVATE <gtest/gtest.h>)
  if(TUTTI_FUZZ)
    target_compile_options(tutti_precompiled_fuzzed PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endif()

# The folders that parse what others write. Their branches the fuzzer counts, which takes a third of
# the time to compile.
set(tutti_fuzzed_folders base checkpoint data ir models program schedule)

# `user` is library, test or fuzzed.
function(tutti_precompile target user)
  if(TUTTI_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM tutti_precompiled_${user})
  endif()
endfunction()

# Most of what the compiler reads is headers: files that are compiled together share them, and the
# names local to each must differ. As a change to one compiles all sixteen, it may be turned off.
option(TUTTI_UNITY "Compile tests and control several files at a time" ON)

function(tutti_compile_together target)
  if(TUTTI_UNITY)
    set_target_properties(${target} PROPERTIES
      UNITY_BUILD ON UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE 16)
  endif()
endfunction()

# For code that does no work by element: what counts is how fast it compiles. -Og takes a quarter less
# than -O1.
function(tutti_compile_fast target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Og>)
  tutti_compile_together(${target})
endfunction()

# tutti_test_library(name SOURCES a.cc ... DEPS base ...): what several tests share, as tutti_<name>;
# its headers are included by their path in the caller's folder.
function(tutti_test_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  tutti_refuse_unparsed(${name})
  add_library(tutti_${name} STATIC ${ARG_SOURCES})
  target_include_directories(tutti_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(tutti_${name} PUBLIC tutti_${dep})
  endforeach()
  tutti_compile_fast(tutti_${name})
  tutti_precompile(tutti_${name} library)
endfunction()

# Of what cmake_parse_arguments found in the caller.
function(tutti_refuse_unparsed target)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${target}: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endfunction()

# tutti_program(name SOURCES a.cc ... DEPS base ...): a program that reads a command line and leaves
# the work to the folders.
function(tutti_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  tutti_refuse_unparsed(${name})
  add_executable(${name} ${ARG_SOURCES})
  foreach(dep command_line ${ARG_DEPS})
    target_link_libraries(${name} PRIVATE tutti_${dep})
  endforeach()
  target_link_libraries(${name} PRIVATE OpenMP::OpenMP_CXX)
  tutti_compile_fast(${name})
  tutti_precompile(${name} library)
endfunction()

function(tutti_folder name)
  cmake_parse_arguments(ARG "CONTROL;TOGETHER" "" "SOURCES;TESTS;SLOW_TESTS;DEPS;LIBS;TEST_DEPS;APART" ${ARGN})
  tutti_refuse_unparsed(${name})
  set_source_files_properties(${ARG_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(tutti_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(tutti_${name} PUBLIC tutti_flags)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(tutti_${name} PUBLIC tutti_${dep})
  endforeach()
  target_link_libraries(tutti_${name} PUBLIC ${ARG_LIBS} OpenMP::OpenMP_CXX)
  if(TUTTI_SANITIZE STREQUAL "thread" AND ARG_TOGETHER)
    # Their tests take three times as long at the level of the others; nor can these share headers.
    target_compile_options(tutti_${name} PRIVATE -O1)
  elseif(TUTTI_FUZZ AND name IN_LIST tutti_fuzzed_folders)
    target_compile_options(tutti_${name} PRIVATE -fsanitize=fuzzer-no-link)
    tutti_precompile(tutti_${name} fuzzed)
  else()
    tutti_precompile(tutti_${name} library)
  endif()
  if(ARG_CONTROL)
    tutti_compile_fast(tutti_${name})
  elseif(ARG_TOGETHER)
    tutti_compile_together(tutti_${name})
  endif()
  if(ARG_TESTS)
    tutti_test(${name}_test SOURCES ${ARG_TESTS} DEPS ${name} ${ARG_TEST_DEPS} LABEL fast)
  endif()
  if(ARG_SLOW_TESTS)
    tutti_test(${name}_slow_test SOURCES ${ARG_SLOW_TESTS} DEPS ${name} ${ARG_TEST_DEPS} LABEL slow)
  endif()
endfunction()

# tutti_test(program SOURCES a_test.cc ... DEPS base ... LABEL fast|slow [TIMEOUT s] [LIBS ...]
#   [CASES ...]): one test, or with CASES one for each, of the tests with that parameter.
function(tutti_test program)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS;LIBS;CASES" ${ARGN})
  tutti_refuse_unparsed(${program})
  if(NOT ARG_TIMEOUT)
    if(ARG_LABEL STREQUAL "slow")
      set(ARG_TIMEOUT 600)
    else()
      set(ARG_TIMEOUT 120)
    endif()
  endif()
  if(TUTTI_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 10")
  endif()
  add_executable(${program} ${ARG_SOURCES})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(${program} PRIVATE tutti_${dep})
  endforeach()
  target_link_libraries(${program} PRIVATE GTest::gtest GTest::gtest_main ${ARG_LIBS})
  target_compile_definitions(${program} PRIVATE TUTTI_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  tutti_compile_test(${program})
  tutti_compile_together(${program})
  tutti_precompile(${program} test)
  if(NOT ARG_CASES)
    add_test(NAME ${program} COMMAND ${program} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set(tests ${program})
  endif()
  foreach(case ${ARG_CASES})
    add_test(NAME ${program}_${case} COMMAND ${program} --gtest_filter=*/${case}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${program}_${case} PROPERTIES FAIL_REGULAR_EXPRESSION "PASSED  . 0 tests")
    list(APPEND tests ${program}_${case})
  endforeach()
  set_tests_properties(${tests} PROPERTIES
    LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${tutti_test_environment}")
endfunction()
