"""To the GPU where there is one; asking for one that is not there raises."""

import jaxtorch as torch

x = torch.ones(3)
print(x.device)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(x.to(device))

if torch.cuda.is_available():
    print(x.cuda().cpu())
else:
    try:
        x.cuda()
    except (AssertionError, RuntimeError):
        print("no GPU here")
print(x.cpu())
