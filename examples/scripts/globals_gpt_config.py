# a smaller model that is evaluated more often
n_layer = 1
n_embd = 32
eval_interval = 50
