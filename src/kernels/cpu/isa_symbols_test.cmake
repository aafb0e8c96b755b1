# cmake -DNM=... -DISA=v3 -DOBJECTS=a.o,b.o -P isa_symbols_test.cmake
#
# Fails if an object compiled for one instruction set holds a weak function outside its own
# namespace: the linker could take that copy for the whole program (cpu/isa.h).
string(REPLACE "," ";" objects "${OBJECTS}")
execute_process(COMMAND ${NM} -C ${objects} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
list(FILTER weak EXCLUDE REGEX "tutti::cpu::${ISA}::|DW\\.ref\\.")
if(weak)
  string(REPLACE ";" "\n" weak "${weak}")
  message(FATAL_ERROR "weak symbols compiled for ${ISA}, which may replace another's:\n${weak}")
endif()
if(NOT symbols MATCHES "tutti::cpu::${ISA}::")
  message(FATAL_ERROR "no symbols of ${ISA} found in ${objects}")
endif()
