# Defines onnx::proto, the protobuf messages of ONNX, if they and protobuf are installed. The package files of ONNX
# are not used, because they do not search for protobuf.
if(NOT TARGET onnx::proto)
  find_path(UNROLL_ONNX_INCLUDE onnx/onnx_pb.h)
  find_library(UNROLL_ONNX_LIBRARY onnx_proto)
  set(own_protobuf FALSE)
  if(NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf QUIET)
    set(own_protobuf ${Protobuf_FOUND})
  endif()
  mark_as_advanced(UNROLL_ONNX_INCLUDE UNROLL_ONNX_LIBRARY)
  if(UNROLL_ONNX_INCLUDE AND UNROLL_ONNX_LIBRARY AND TARGET protobuf::libprotobuf)
    if(own_protobuf) # a target of the surrounding project is visible here anyway
      set_target_properties(protobuf::libprotobuf PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
    add_library(onnx::proto UNKNOWN IMPORTED GLOBAL)
    set_target_properties(onnx::proto PROPERTIES IMPORTED_LOCATION ${UNROLL_ONNX_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                       ${UNROLL_ONNX_INCLUDE} INTERFACE_LINK_LIBRARIES protobuf::libprotobuf)
  endif()
endif()
