# Shared build rules: language level, warnings, sanitizers, and one function per kind of target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
find_program(FAIRLEAD_CCACHE ccache)
if(FAIRLEAD_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FAIRLEAD_CCACHE})
endif()

# Contraction would let the compiler choose where to fuse a multiply and an add, and equal rows
# would no longer be equal bits; kernels ask for a fused operation where they want one.
add_compile_options(-Wall -Wextra -Werror -ffp-contract=off)

# Adds the sanitizers named in FAIRLEAD_SANITIZE to every target, and what libFuzzer needs to see
# which code an input reaches.
function(fairlead_apply_sanitizers)
  if(FAIRLEAD_SANITIZE)
    add_compile_options(-fsanitize=${FAIRLEAD_SANITIZE} -fno-omit-frame-pointer -g1
      -D_GLIBCXX_ASSERTIONS)
    add_link_options(-fsanitize=${FAIRLEAD_SANITIZE})
    if(FAIRLEAD_SANITIZE MATCHES "undefined")
      add_compile_options(-fno-sanitize-recover=all)
    endif()
  endif()
  if(FAIRLEAD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endfunction()

# fairlead_library(<folder> [SOURCES ...] [DEPS targets...])
# Makes the library fairlead_<folder> of the .cc files in the current folder (a folder of headers
# alone is one, too). DEPS lists the folders (by name) and imported targets it may use: these are
# the arrows of docs/architecture.md, which tools/check_deps reads from here.
function(fairlead_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  endif()
  set(kind STATIC)
  set(scope PUBLIC)
  if(NOT ARG_SOURCES)
    set(kind INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(fairlead_${name} ${kind} ${ARG_SOURCES})
  target_include_directories(fairlead_${name} ${scope} ${PROJECT_SOURCE_DIR}/src)
  fairlead_link(fairlead_${name} ${scope} ${ARG_DEPS})
endfunction()

# Links folders by their short name and everything else as it is.
function(fairlead_link target scope)
  foreach(dep ${ARGN})
    if(dep MATCHES "::")
      target_link_libraries(${target} ${scope} ${dep})
    else()
      target_link_libraries(${target} ${scope} fairlead_${dep})
    endif()
  endforeach()
endfunction()

# fairlead_test(<name> SOURCES files... DEPS folders... [TIMEOUT seconds] [HEAVY])
# A GoogleTest program, run by ctest as one test with the repository's test data as its folder. Its
# labels are its area (the folder under tests/) and `core`, unless it is HEAVY or in e2e/: the core
# tests, built by the target core_tests, are those that also run under the sanitizers.
function(fairlead_test name)
  cmake_parse_arguments(ARG "HEAVY" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # What is tested is optimised in its library; for the tests themselves it would only cost time.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE FAIRLEAD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    FAIRLEAD_MODELS="${PROJECT_SOURCE_DIR}/models")
  fairlead_link(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME labels)
  if(NOT ARG_HEAVY AND NOT labels STREQUAL "e2e")
    list(APPEND labels core)
    add_dependencies(core_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${labels}")
endfunction()
add_custom_target(core_tests)

# fairlead_fuzzer(<name> SOURCES files... DEPS folders...): a libFuzzer target, built with
# FAIRLEAD_FUZZ into fuzz/ of the build folder. The target `fuzzers` builds them all.
function(fairlead_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(FAIRLEAD_FUZZ)
    add_executable(${name} ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    fairlead_link(${name} PRIVATE ${ARG_DEPS})
    add_dependencies(fuzzers ${name})
  endif()
endfunction()
add_custom_target(fuzzers)
