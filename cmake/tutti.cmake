# How a folder of src/ becomes a target.
#
#   tutti_folder(data SOURCES tokenizer.cc ... TESTS tokenizer_test.cc ... DEPS base tensor LIBS PCRE2)
#
# makes the library tutti_data (alias-free, static), which links the named folders and nothing else
# of the project, and, when TESTS is given, the program data_test, registered with CTest under the
# label "fast" unless a test file is also named in SLOW_TESTS.

find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)

add_library(tutti_flags INTERFACE)
target_include_directories(tutti_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(tutti_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wno-unused-parameter -Werror=return-type -ffp-contract=off
  $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi -Wno-maybe-uninitialized>)
target_compile_definitions(tutti_flags INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(tutti_flags INTERFACE Threads::Threads fmt::fmt)
if(TUTTI_SANITIZE)
  target_compile_options(tutti_flags INTERFACE
    -fsanitize=${TUTTI_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tutti_flags INTERFACE -fsanitize=${TUTTI_SANITIZE})
endif()

function(tutti_folder name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;SLOW_TESTS;DEPS;LIBS;TEST_DEPS" ${ARGN})
  add_library(tutti_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(tutti_${name} PUBLIC tutti_flags)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(tutti_${name} PUBLIC tutti_${dep})
  endforeach()
  target_link_libraries(tutti_${name} PUBLIC ${ARG_LIBS})
  if(ARG_TESTS)
    tutti_test(${name}_test SOURCES ${ARG_TESTS} DEPS ${name} ${ARG_TEST_DEPS} LABEL fast)
  endif()
  if(ARG_SLOW_TESTS)
    tutti_test(${name}_slow_test SOURCES ${ARG_SLOW_TESTS} DEPS ${name} ${ARG_TEST_DEPS} LABEL slow)
  endif()
endfunction()

# tutti_test(program SOURCES a_test.cc ... DEPS base ... LABEL fast|slow [TIMEOUT s] [LIBS ...])
function(tutti_test program)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    if(ARG_LABEL STREQUAL "slow")
      set(ARG_TIMEOUT 300)
    else()
      set(ARG_TIMEOUT 30)
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
  add_test(NAME ${program} COMMAND ${program} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  # Threads that spin at a barrier starve each other where tests share cores.
  set_tests_properties(${program} PROPERTIES
    LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "OMP_WAIT_POLICY=passive")
endfunction()
