# Writes the files of a folder as C source: cmake -DFOLDER=… -DFILES=a;b -DOUTPUT=… -P embed.cmake
set(text "/* Generated from examples/starter. */\n#include \"spec/starter.h\"\n\n")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
	file(READ "${FOLDER}/${file}" hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND text "static const unsigned char file_${number}[] = {${bytes}0};\n")
	string(APPEND rows
		"\t{\"${file}\", (const char *)file_${number}, sizeof(file_${number}) - 1},\n")
	math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "\nconst struct dro_starter_file dro_starter_files[] = {\n${rows}\t{0},\n};\n")
file(WRITE "${OUTPUT}" "${text}")
