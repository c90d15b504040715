# tb_room(NAME DEPENDENCY...): a folder becomes the static library tb_NAME out of all its .cpp files (main.cpp apart).
# What a room may include is also a test: tests/tidy.
# Several files of a target as one translation unit: a fifth of the work for the optimiser and for sanitizers. The dev preset does not,
# which proves that each file includes what it uses, and a change of one compiles one.
option(TB_BATCHES "compile files in batches" OFF)
set(TB_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
if(TB_BATCHES)  # a name that another file of the batch has for itself is no mistake
    list(APPEND TB_WARNINGS -Wno-shadow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False positives of g++ 12.2 in Asio's coroutine frames; both are still on in clang's own forms.
    list(APPEND TB_WARNINGS -Wno-mismatched-new-delete -Wno-maybe-uninitialized)
    if(TB_BATCHES)  # it takes a file of a batch for a header
        list(APPEND TB_WARNINGS -Wno-subobject-linkage)
    endif()
endif()
add_library(tb_options INTERFACE)
target_compile_options(tb_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${TB_WARNINGS}>)
target_compile_definitions(tb_options INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
    BOOST_ALL_NO_LIB FMT_HEADER_ONLY=0 TB_VERSION="${PROJECT_VERSION}")
target_include_directories(tb_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)

function(tb_in_batches target)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ${TB_BATCHES} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

function(tb_room name)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    add_library(tb_${name} STATIC ${sources})
    tb_in_batches(tb_${name})
    target_link_libraries(tb_${name} PUBLIC tb_options fmt::fmt Boost::json Boost::url OpenSSL::SSL OpenSSL::Crypto
                          Threads::Threads)
    foreach(dependency IN LISTS ARGN)
        target_link_libraries(tb_${name} PUBLIC tb_${dependency})
    endforeach()
endfunction()

# The interface files are the contract: compiled in as they are, for GetInterfaceDescription.
set(varlink_cpp ${PROJECT_BINARY_DIR}/generated/proto/interfaces.cpp)
set(varlink_text "// Generated from proto/*.varlink.\n#include \"proto/interfaces.hpp\"\nnamespace tb::proto {\n")
foreach(interface tokens admin)
    set(file ${PROJECT_SOURCE_DIR}/proto/io.tokenbroker.${interface}.varlink)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND varlink_text "extern const std::string_view ${interface}_varlink = R\"varlink(${text})varlink\";\n")
endforeach()
string(APPEND varlink_text "}  // namespace tb::proto\n")
file(GENERATE OUTPUT ${varlink_cpp} CONTENT "${varlink_text}")
