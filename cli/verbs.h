// The verbs of the `tutti` program, one function and one file each (cli/<verb>.cc).
//
// argv[0] is the verb. The return value is the exit status of the process: 0 for success, 1 when
// the work failed, 2 when the command line was wrong. A verb is reachable once it is in the table
// of main.cc.
#pragma once

namespace tutti {

int run_train(int argc, char** argv);
int run_eval(int argc, char** argv);
int run_report(int argc, char** argv);
int run_generate(int argc, char** argv);
int run_plan(int argc, char** argv);
int run_explain(int argc, char** argv);
int run_data(int argc, char** argv);
int run_tokenizer(int argc, char** argv);
int run_import(int argc, char** argv);
int run_export(int argc, char** argv);
int run_ckpt(int argc, char** argv);
int run_doctor(int argc, char** argv);

}  // namespace tutti
