"""A convolutional network: two convolutions, three linear layers."""

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)

    def num_flat_features(self, x):
        count = 1
        for size in x.size()[1:]:
            count *= size
        return count


torch.manual_seed(0)
net = Net()
print(net)

params = list(net.parameters())
print(len(params))
print(params[0].size())
for name, param in net.named_parameters():
    print(name, tuple(param.shape), param.requires_grad)
print(net.conv1.weight[0])
print(net.fc3.bias)

x = torch.randn(1, 1, 32, 32)
out = net(x)
print(out)
print(out.shape)

net.zero_grad()
out.backward(torch.ones(1, 10))
print(net.conv1.bias.grad)

target = torch.arange(10.0).view(1, -1)
criterion = nn.MSELoss()
loss = criterion(net(x), target)
print(loss)
print(nn.CrossEntropyLoss()(net(x), torch.tensor([3])))
print(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)))
